"""Rule, model and intelligence into one: bounded, monotone, and the rules alone where there is nothing else."""

from hypothesis import given, settings
from hypothesis import strategies as st
from phantommesh.threat_model.combination import MODEL_CONFIDENCE, MODEL_RISK, combine

RISK = st.floats(0, 10).map(lambda number: round(number, 2))
SHARE = st.floats(0, 1)
CONFIDENCE = SHARE.map(lambda number: round(number, 2))


@settings(deadline=None)
@given(RISK, CONFIDENCE, st.one_of(st.none(), SHARE), RISK)
def test_the_result_is_in_range(risk: float, confidence: float, score: float | None, risk_add: float) -> None:
    found = combine(risk, confidence, score, risk_add)
    assert 0 <= found[0] <= 10
    assert 0 <= found[1] <= 1


@settings(deadline=None)
@given(RISK, CONFIDENCE)
def test_without_a_model_and_with_one_that_knows_nothing_the_rules_stand(risk: float, confidence: float) -> None:
    assert combine(risk, confidence, None) == combine(risk, confidence, 0.5) == (risk, confidence)


@settings(deadline=None)
@given(RISK, RISK, CONFIDENCE, SHARE, RISK)
def test_risk_never_falls_when_the_rule_risk_rises(
    one: float, other: float, confidence: float, score: float, risk_add: float
) -> None:
    low, high = sorted((one, other))
    assert combine(low, confidence, score, risk_add)[0] <= combine(high, confidence, score, risk_add)[0]


@settings(deadline=None)
@given(RISK, CONFIDENCE, SHARE, SHARE, RISK)
def test_neither_falls_when_the_score_rises(
    risk: float, confidence: float, one: float, other: float, risk_add: float
) -> None:
    below, above = (combine(risk, confidence, score, risk_add) for score in sorted((one, other)))
    assert below[0] <= above[0]
    assert below[1] <= above[1]


@settings(deadline=None)
@given(RISK, CONFIDENCE, CONFIDENCE, SHARE)
def test_confidence_never_falls_when_the_rule_confidence_rises(
    risk: float, one: float, other: float, score: float
) -> None:
    low, high = sorted((one, other))
    assert combine(risk, low, score)[1] <= combine(risk, high, score)[1]


@settings(deadline=None)
@given(RISK, CONFIDENCE, SHARE, RISK)
def test_intelligence_adds_to_the_risk_alone(risk: float, confidence: float, score: float, risk_add: float) -> None:
    without, known = combine(risk, confidence, score), combine(risk, confidence, score, risk_add)
    assert known[0] >= without[0]
    assert known[1] == without[1]


@settings(deadline=None)
@given(RISK, CONFIDENCE, SHARE)
def test_the_model_moves_no_more_than_it_may(risk: float, confidence: float, score: float) -> None:
    found = combine(risk, confidence, score)
    assert abs(found[0] - risk) <= MODEL_RISK + 0.006
    assert abs(found[1] - confidence) <= MODEL_CONFIDENCE + 0.006


def test_known_values() -> None:
    assert combine(5.0, 0.8, 1.0) == (6.0, 0.9)
    assert combine(5.0, 0.8, 0.0) == (4.0, 0.7)
    assert combine(5.0, 0.8, 0.75, 2.0) == (7.5, 0.85)
    assert combine(9.9, 0.95, 1.0, 5.0) == (10.0, 1.0)
