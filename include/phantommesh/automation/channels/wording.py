"""How alerts are put into words, in every channel alike.

Ids are written by msgspec and cut out: a tenth of the cost of UUID's own text. Signatures and sources come back often,
so what a channel makes of one is kept.
"""

from collections import Counter
from collections.abc import Sequence

import msgspec

from phantommesh.automation.delivery import Delivery

MAX_SIGNATURE = 200
_LEVELS = ("critical", "high", "medium", "low")
_encode = msgspec.json.Encoder().encode
_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r"})


def ids(alert: Delivery) -> tuple[bytes, bytes, bytes]:
    """The ids of delivery, event and incident, as text of 36 characters."""
    text = _encode((alert.delivery_id, alert.event_id, alert.incident_id))
    return text[2:38], text[41:77], text[80:116]


def one_line(text: str) -> str:
    """A text without line ends; reversible, since a receiver takes the source from it."""
    if "\\" in text or "\n" in text or "\r" in text:
        return text.translate(_ESCAPES)
    return text


def shown(signature: str, longest: int = MAX_SIGNATURE) -> str:
    """A signature for people: on one line, not too long."""
    plain = " ".join(signature.split())
    return plain if len(plain) <= longest else plain[: longest - 3] + "..."


def summary(alerts: Sequence[Delivery]) -> str:
    """How many alerts of which level."""
    if len(alerts) == 1:
        return f"1 {alerts[0].level} alert"
    found = Counter(alert.level for alert in alerts)
    return f"{len(alerts)} alerts: " + ", ".join(f"{found[level]} {level}" for level in _LEVELS if found[level])


def worst(alerts: Sequence[Delivery]) -> Delivery:
    """The alert with the highest risk."""
    return max(alerts, key=lambda alert: alert.risk)
