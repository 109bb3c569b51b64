"""The suite of replay/verdicts.parquet: pairs that are what they claim to be."""

import pandas as pd

from readiness.checks.expectation import between, holds, not_empty, not_null, one_of, unique
from readiness.checks.suites import LEVELS, Suite
from readiness.model.dataset import ScenarioEvidence
from readiness.model.metric import VERDICTS

_TEXTS = ("event_id", "replayed_event_id", "level", "replayed_level", "due", "replayed_due", "basis", "replayed_basis")


def verdicts_suite(evidence: ScenarioEvidence, _: tuple[str, ...]) -> Suite:
    """Each pair is of one event that the load really sent, under a fresh id, with both verdicts or marked as without.

    It may be empty: the metric then has too few pairs to say anything."""
    rows = evidence.replay
    if rows is None:
        raise ValueError(f"{VERDICTS}: the scenario has none")
    whole = (
        rows["risk"].notna() & rows["replayed_risk"].notna() & (rows["level"] != "") & (rows["replayed_level"] != "")
    )
    # Few are looked up among many: the other way round all of them would be hashed.
    sent, few = evidence.requests["event_id"], pd.concat([rows["event_id"], rows["replayed_event_id"]])
    known = sent[sent.isin(few)]
    frame = rows.assign(
        sent_under_load=rows["event_id"].isin(known),
        replayed_under_another_id=~rows["replayed_event_id"].isin(known),
        assessed_has_both_verdicts=whole | ~rows["assessed"],
    )
    rules = (
        *(not_null(name) for name in _TEXTS),
        *(not_empty(name) for name in ("event_id", "replayed_event_id")),
        unique("event_id"),
        unique("replayed_event_id"),
        one_of("status", [0, *range(100, 600)], "0 (no answer) or an HTTP status, 100 to 599"),
        one_of("level", ["", *LEVELS]),
        one_of("replayed_level", ["", *LEVELS]),
        between("risk", 0, 10, "0 to 10"),
        between("replayed_risk", 0, 10, "0 to 10"),
        holds("sent_under_load", "events that the load sent"),
        holds("replayed_under_another_id", "fresh ids"),
        holds("assessed_has_both_verdicts", "both verdicts where the pair is said to be assessed"),
    )
    return Suite(VERDICTS, frame, rules)
