"""How far the times of metrics can be trusted beside all others, where Prometheus took them by its own clock."""

from readiness.model.dataset import ScenarioEvidence


def metrics_off_ns(evidence: ScenarioEvidence) -> int:
    """By how much the time of a sample may be another by the clock of the run: as much as the environment allows, or as
    was measured where that is more. 0 where the observer scraped by the clock of the run itself."""
    facts = evidence.collect.get("metrics")
    if facts is None:
        return 0
    allowed_ns, clock = int(evidence.collect["clock"]["uncertainty_ns"]), facts.get("clock")
    measured_ns = abs(int(clock["offset_ns"])) + int(clock["uncertainty_ns"]) if clock else 0
    return max(allowed_ns, measured_ns)
