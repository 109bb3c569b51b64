"""Whether evidence has the form that measuring needs; what lacks it is named instead of crashing a measurement."""

from collections.abc import Mapping

from readiness.model.dataset import DATASETS, ScenarioEvidence, columns_of, data_sets_of, frame_of, kind_of
from readiness.model.metric import PROBES, Metric

CLOCK = "load/phases.json"
LEDGER_SETS = frozenset({PROBES, *(name for name in DATASETS if name.startswith(("load/", "collect/")))})
"""What the ledger is made of."""


def shape_problems(evidence: ScenarioEvidence) -> dict[str, str]:
    """Data set -> what is wrong with its columns or types; the phase clock's entry is CLOCK. Empty if all is well."""
    found: dict[str, str] = {}
    for dataset in data_sets_of(evidence):
        columns, frame = columns_of(dataset), frame_of(evidence, dataset)
        missing = [name for name in columns if name not in frame.columns]
        other = [
            f"{name} is {kind_of(dataset, frame[name])}, not {kind}"
            for name, kind in columns.items()
            if name in frame.columns and kind_of(dataset, frame[name]) != kind
        ]
        wrong = [f"lacks {', '.join(missing)}"] * bool(missing) + other
        if wrong:
            found[dataset] = f"{dataset}: {'; '.join(wrong)}"
    clock = evidence.clock
    measure = [phase for phase in clock.phases if phase.name == "measure"]
    if len(measure) != 1 or measure[0].end_ns <= measure[0].start_ns or "measure" not in clock.arrivals_scheduled:
        found[CLOCK] = f"{CLOCK}: must have one measured phase that ends after it starts, and its arrivals"
    return found


def not_offered(metric: Metric, absent: Mapping[str, str]) -> str:
    """Why a target that does not offer these data sets leaves the metric without data; empty if it does not. All that
    is judged of what the platform kept starts from the audit trail: it says which alerts were due."""
    needed = {*metric.evidence} | ({"collect/audit.parquet"} if metric.stage == "collect" else set())
    return "; ".join(why for dataset, why in absent.items() if dataset in needed)


def unfit_for(metric: Metric, problems: dict[str, str]) -> str:
    """Why the metric cannot be measured from evidence with these problems; empty if it can.

    The ledger and the end-to-end latency read what LEDGER_SETS names whichever of them the catalogue has.
    """
    needed = {CLOCK, *metric.evidence}
    if metric.stage == "collect":
        needed |= LEDGER_SETS
    return "; ".join(text for dataset, text in problems.items() if dataset in needed)
