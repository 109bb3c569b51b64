"""Rule, model and intelligence -> risk and confidence. Pure.

    risk       = clip(rule risk + 2 (score - 1/2) MODEL_RISK + risk_add, 0, 10)
    confidence = clip(rule confidence + 2 (score - 1/2) MODEL_CONFIDENCE, 0, 1)

score is the model's probability that the alert tells of a threat; 1/2 says nothing and moves nothing. MODEL_RISK is
small on purpose: levels lie 2 to 3 apart, so the model, which has learnt most of what it knows from the rules, can
move an event to the neighbouring level and never past it. Confidence rises with the score, too: a doubtful signature
("Possible ...") that looks like known threats may be acted upon, one that does not look so is acted upon less. What
intelligence knows of an address adds to the risk alone. Risk never falls when rule risk, score or risk_add rises,
confidence never falls when rule confidence or score rises. Without a model the rules stand as they are.
"""

MODEL_RISK = 1.0
MODEL_CONFIDENCE = 0.1


def combine(
    rule_risk: float, rule_confidence: float, model_score: float | None, risk_add: float = 0.0
) -> tuple[float, float]:
    """Risk (0 to 10) and confidence (0 to 1), rounded to hundredths. risk_add: of intelligence, 0 to 10."""
    lean = 0.0 if model_score is None else 2.0 * (model_score - 0.5)
    risk = rule_risk + lean * MODEL_RISK + risk_add
    confidence = rule_confidence + lean * MODEL_CONFIDENCE
    return round(min(10.0, max(0.0, risk)), 2), round(min(1.0, max(0.0, confidence)), 2)
