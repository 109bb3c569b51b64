"""When the platform's records were read: once it had finished its work and was whole, and not so much later that what
came right only then would count as done."""

from collections.abc import Iterable

from readiness.checks.completeness import COLLECT, Expected, S, verdict_of
from readiness.model.dataset import ScenarioEvidence
from readiness.model.result import DataCheck

LATEST_S = 600.0
"""From the end of what was measured until the collection starts. One in a pod may wait 120 s for a node and 240 s for
its image and its start (orchestration.pod_manifest); the rest is for the upload of what the stages before it left,
which a store that is away may hold up for a minute, and for a scheduler that is busy."""


def drained(evidence: ScenarioEvidence, _: Expected) -> Iterable[DataCheck]:
    """The platform had finished what it accepted before its records were read."""
    deadline_s = float(evidence.collect["deadline_s"])
    wrong = [] if evidence.collect["drained"] is True else [f"still at work after {deadline_s:g} s"]
    words = f"an empty queue within {deadline_s:g} s after the load, or when first looked at after that"
    yield verdict_of(COLLECT, "drained", words, wrong, "drained")


def read_in_time(evidence: ScenarioEvidence, _: Expected) -> Iterable[DataCheck]:
    """The records were read soon after the load: what somebody mended in between, or a restart set free, was not done
    under the load."""
    ends_ns = [phase.end_ns for phase in evidence.clock.phases]
    ends_ns += [
        int(facts["finished_ns"])
        for facts in (evidence.observe, evidence.probe, evidence.drill)
        if facts is not None and facts["finished_ns"] is not None
    ]
    late_s = (int(evidence.collect["started_ns"]) - max(ends_ns)) / S
    # Written so that a time that is no number fails, too.
    wrong = [] if late_s <= LATEST_S else [f"the collection started {late_s:.0f} s after what was measured had ended"]
    words = f"a collection that starts at most {LATEST_S:g} s after what was measured"
    yield verdict_of(COLLECT, "read in time", words, wrong, f"{max(0.0, late_s):.1f} s later")


def read_after_healing(evidence: ScenarioEvidence, _: Expected) -> Iterable[DataCheck]:
    """After a drill: the records were read once the target was whole again. One that never was is the drill's
    verdict, and is read as it is."""
    if evidence.drill is None:
        return
    healthy = [step["healthy_ns"] for step in evidence.drill["steps"] if step["healthy_ns"] is not None]
    last_ns, read_ns = (
        max(healthy, default=0),
        int(evidence.collect.get("read_from_ns", evidence.collect["started_ns"])),
    )
    early_s = (last_ns - read_ns) / S
    wrong = [f"they were read {early_s:.1f} s before it was whole"] if early_s > 0 else []
    good = f"read {-early_s:.1f} s later" if healthy else "it was never whole again"
    yield verdict_of(COLLECT, "read after healing", "records read when the target was whole again", wrong, good)
