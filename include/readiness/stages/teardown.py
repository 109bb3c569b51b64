"""Teardown: stop the target and give the environment back. Always runs; safe when nothing runs."""

import time
from typing import Any

from readiness.clients.lease import LeaseError
from readiness.clients.target_process import TargetError
from readiness.drills.victims import DrillError
from readiness.model.evidence import RUN_SCOPE, StageRef
from readiness.stages.recording import recording
from readiness.stages.release_fault import rolled_back
from readiness.stages.run import Run, StageError


def teardown(run: Run) -> None:
    """Stop what this run deployed. A target that belongs to another run's lease is left alone. Raises StageError if
    it could not be stopped, or if that could not be recorded: it is stopped before anything is written, since a disk
    that is full must not keep it running."""
    started = time.monotonic()
    leftovers: list[dict[str, Any]] = []
    try:
        stopped, failure = _stop(run, leftovers), ""
    except (LeaseError, DrillError, TargetError, OSError) as error:
        stopped, failure = False, str(error)
    took_s = time.monotonic() - started
    with recording(run, StageRef(RUN_SCOPE, "teardown")) as record:
        if failure:
            raise StageError(failure)
        record.write("teardown.json", {"stopped": stopped, "took_s": took_s, "leftovers": leftovers})
        run.home.load_progress(run.run_id).unlink(missing_ok=True)


def _stop(run: Run, leftovers: list[dict[str, Any]]) -> bool:
    """Whether there was something of this run to stop. ``leftovers``: gets the faults that were still in place."""
    held = run.claim.holder()
    if held is None or held.owner != run.run_id:
        return False
    try:
        leftovers += run.take_back_leftovers()
    finally:  # a damaged journal must not keep the target running
        if not rolled_back(run):  # what was put back is to run on
            run.target.down()
    run.claim.release(run.run_id)
    return True
