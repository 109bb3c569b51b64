"""What becomes of a stage that ended without a word: evicted, out of memory, never started.

A stage that fails seals what it has, with the reason. One whose process or pod was taken away cannot; whoever started
it then leaves the reason in its place, so that the decision, INCONCLUSIVE for want of evidence, can say why.
"""

from readiness.model.evidence import StageRef
from readiness.stages.run import Run


def record_harness_failure(run: Run, ref: StageRef, reason: str) -> None:
    """Seal an attempt at the stage that holds no file, as failed for this reason. It counts as the last one, also if
    the stage itself should still seal one that it began earlier. Raises StoreError or OSError if that cannot be
    written."""
    run.archive.seal(run.archive.open_stage(run.run_id, ref), outcome="failed", reason=reason)
