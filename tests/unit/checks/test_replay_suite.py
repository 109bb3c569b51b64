"""The suite of the replayed pairs names rows that are not what they claim to be."""

from dataclasses import replace

import pandas as pd
import pytest
from readiness.checks.replay_suite import verdicts_suite
from readiness.model.dataset import REPLAY
from synthetic_evidence import steady_evidence


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("event_id", "never-sent", "sent_under_load"),
        ("replayed_event_id", None, "replayed_under_another_id"),
        ("replayed_level", "", "assessed_has_both_verdicts"),
    ],
)
def test_a_row_that_is_no_pair_breaks_its_rule(column: str, value: str | None, rule: str) -> None:
    evidence = steady_evidence()
    ids = evidence.requests["event_id"].head(3).tolist()
    row = {name: {"str": "low", "float64": 1.0, "int16": 202, "bool": True}[kind] for name, kind in REPLAY.items()}
    rows = pd.DataFrame([row | {"event_id": one, "replayed_event_id": f"new-{one}"} for one in ids]).astype(REPLAY)
    good = verdicts_suite(replace(evidence, replay=rows), ()).frame
    assert good[[rule]].all(axis=None)
    rows.loc[0, column] = ids[0] if value is None else value
    bad = verdicts_suite(replace(evidence, replay=rows), ()).frame
    assert bad[rule].tolist() == [False, True, True]
