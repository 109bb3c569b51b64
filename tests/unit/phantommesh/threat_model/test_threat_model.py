"""The whole: an event in, an explained verdict out."""

import json
from pathlib import Path

from phantommesh.automation.assess import Assessor
from phantommesh.automation.events import Observation
from phantommesh.config.model import ThreatAssessment
from phantommesh.threat_model.combination import combine
from phantommesh.threat_model.features import features
from phantommesh.threat_model.history import NO_HISTORY, AddressHistory, History
from phantommesh.threat_model.intelligence import Indicator, Intelligence
from phantommesh.threat_model.threat_model import ThreatModel


def test_without_model_and_intelligence_it_is_the_rules(
    events: list[Observation], settings: ThreatAssessment, tmp_path: Path
) -> None:
    model, rules = ThreatModel("r", settings, tmp_path), Assessor(settings)
    assert not model.look_for_model()
    for event in events:
        found, rule = model.assess(event), rules.assess(event)
        assert (found.risk, found.confidence, found.level) == (rule.risk, rule.confidence, rule.level)
        assert found.factors.model.version == "rules-only"
        assert found.factors_json() is None


def test_a_verdict_can_be_computed_again_from_its_factors(
    events: list[Observation], settings: ThreatAssessment, trained: tuple[str, Path]
) -> None:
    model = ThreatModel("r", settings, trained[1])
    assert model.look_for_model()
    listed = events[7]
    model.intelligence.snapshot = Intelligence(3, [Indicator(f"{listed.src_ip}/32", "botnet", 2.5, "list")])
    for event in events[:300]:
        found = model.assess(event)
        told = json.loads(found.factors_json() or "")
        added = told["intelligence"].get("risk_add", 0.0)
        again = combine(told["rule"]["risk"], told["rule"]["confidence"], told["model"]["score"], added)
        assert (found.risk, found.confidence) == again
        assert told["model"]["version"] == trained[0]
    told = json.loads(model.assess(listed).factors_json() or "")
    assert told["intelligence"] == {
        "version": 3, "network": f"{listed.src_ip}/32", "source": "list", "kind": "botnet", "risk_add": 2.5,
    }  # fmt: skip


def test_the_history_is_heard(events: list[Observation], settings: ThreatAssessment, trained: tuple[str, Path]) -> None:
    model = ThreatModel("r", settings, trained[1])
    model.look_for_model()
    busy = AddressHistory(50, 500, 50, 500, 20, 10.0)
    scores = {model.assess(event, History(9, busy, busy)).factors.model.score for event in events[:200]}
    assert scores != {model.assess(event, NO_HISTORY).factors.model.score for event in events[:200]}
    assert model.assess(events[0], History(9, busy, busy)).factors.history == 9


def test_the_model_scores_alike_what_it_is_given_in_any_order(
    events: list[Observation], settings: ThreatAssessment, trained: tuple[str, Path]
) -> None:
    model, other = (ThreatModel(name, settings, trained[1]) for name in "ab")
    assert model.look_for_model()
    assert other.look_for_model()
    first = [model.assess(event) for event in events]
    assert [other.assess(event) for event in reversed(events)][::-1] == first
    assert features(events[0], NO_HISTORY) == features(events[0], NO_HISTORY)
