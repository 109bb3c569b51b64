"""The assessment of an event: a scored rule model, from the event alone.

risk (0 to 10) = a base for the severity + what the category adds + what signs in the signature's text add (at most
one of each group) + the place of the attack; clipped. Suricata's severity has few values and a category is broad;
the sign of what happened (a shell that answered, a worm, a policy matter) tells more and weighs accordingly.
confidence (0 to 1) starts high for signatures that name a thing and falls with each word by which the author of the
signature says that it guesses ("Possible", "Generic", "Unusual").

The weights are a judgement written down, set on the recorded alerts in scenarios/traffic; nothing is learnt. The same
event always gets the same result. Below `confidence_min` the event is recorded with its risk and gets level low: it
is kept for people who look, and alerts nobody.
"""

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache

from phantommesh.automation.events import Observation
from phantommesh.config.model import ThreatAssessment

LEVELS = ("critical", "high", "medium", "low")
SEVERITY = {1: 5.0, 2: 3.5, 3: 2.0}
SEVERITY_OTHER = 1.0
CATEGORY = {
    "Successful Administrator Privilege Gain": 3.5,
    "Successful User Privilege Gain": 3.0,
    "A Network Trojan was detected": 1.5,
    "Attempted Administrator Privilege Gain": 2.0,
    "Attempted User Privilege Gain": 1.5,
    "Web Application Attack": 1.0,
    "Attempted Denial of Service": 1.5,
    "Potentially Bad Traffic": 0.5,
    "Attempted Information Leak": 0.0,
    "Misc activity": 0.0,
    "Detection of a Network Scan": 0.0,
    "Potential Corporate Privacy Violation": -1.5,
    "Not Suspicious Traffic": -1.5,
}
# Groups of signs; of each group the first that is found counts.
SIGNS: tuple[tuple[tuple[str, float], ...], ...] = (
    (
        (r"ATTACK_RESPONSE|Root ?Kit|WebShell|\bWORM\b", 1.5),
        (r"MS\d\d-\d\d\d|Overflow|CMD Shell|/bin/sh|cmd\.exe", 1.0),
        (r"\bET TROJAN\b|\bET MALWARE\b|HeartBleed|\bEXPLOIT\b|Injection|Remote File", 0.5),
    ),
    (
        (r"\bET POLICY\b|\bET CHAT\b|\bET P2P\b|\bET GAMES\b", -1.0),
        (r"\bSCAN\b|scanner|Crawl", -0.5),
    ),
    ((r"Adware|User-Agent|Toolbar", -0.5),),
)
# Services whose takeover opens the rest of a network: remote shells, Windows services, databases, SNMP.
SENSITIVE_PORTS = frozenset({22, 23, 135, 139, 161, 445, 1433, 1434, 3306, 3389, 5432, 5900})
SENSITIVE_PORT = 0.3
# Private, unique local and link-local addresses (RFC 1918, RFC 4193, RFC 3927, RFC 4291).
_INSIDE = tuple(
    ipaddress.ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10")
)
LATERAL = 0.4  # inside to inside: whoever attacks is in already
BLOCKED = -1.0  # the sensor stopped it
CONFIDENCE_BASE = 0.95
CONFIDENCE_UNKNOWN_CATEGORY = -0.15
DOUBT = (
    (re.compile(r"Possible|Potential|Suspected|Likely", re.IGNORECASE), -0.15),
    (re.compile(r"Unusual|Behavioral|Unknown", re.IGNORECASE), -0.15),
    (re.compile(r"Generic|Suspicious|Non-", re.IGNORECASE), -0.1),
)
_SIGNS = tuple(tuple((re.compile(text, re.IGNORECASE), weight) for text, weight in group) for group in SIGNS)


@dataclass(frozen=True, slots=True)
class Assessment:
    """risk 0 to 10, confidence 0 to 1, level one of LEVELS. remedy: whether the source is to be quarantined.
    verdict: what it rests on, as a JSON object; None: the rules alone."""

    risk: float
    confidence: float
    level: str
    remedy: bool = False
    verdict: str | None = None


class Assessor:
    """Applies the model with the configured thresholds."""

    def __init__(self, settings: ThreatAssessment) -> None:
        thresholds = settings.risk_thresholds
        self._levels = (
            (thresholds.critical, "critical"), (thresholds.high, "high"), (thresholds.medium, "medium"),
        )  # fmt: skip
        self._confidence_min = settings.confidence_min

    def assess(self, event: Observation) -> Assessment:
        """Risk, confidence and level of an event."""
        alert = event.alert
        risk, confidence = _signature(alert.severity, alert.category, alert.signature)
        if event.dest_port in SENSITIVE_PORTS:
            risk += SENSITIVE_PORT
        if _inside(event.src_ip) and _inside(event.dest_ip):
            risk += LATERAL
        if alert.action == "blocked":
            risk += BLOCKED
        risk = round(min(10.0, max(0.0, risk)), 2)
        return Assessment(risk, confidence, self._level(risk, confidence))

    def _level(self, risk: float, confidence: float) -> str:
        if confidence < self._confidence_min:
            return "low"
        return next((level for least, level in self._levels if risk >= least), "low")


@lru_cache(maxsize=8192)
def _signature(severity: int, category: str, signature: str) -> tuple[float, float]:
    """What severity, category and signature alone say: risk before clipping, confidence."""
    risk = SEVERITY.get(severity, SEVERITY_OTHER) + CATEGORY.get(category, 0.0)
    for group in _SIGNS:
        risk += next((weight for sign, weight in group if sign.search(signature)), 0.0)
    confidence = CONFIDENCE_BASE + (0.0 if category in CATEGORY else CONFIDENCE_UNKNOWN_CATEGORY)
    confidence += sum(weight for sign, weight in DOUBT if sign.search(signature))
    return risk, round(max(0.0, confidence), 2)


@lru_cache(maxsize=16384)
def _inside(address: str) -> bool:
    parsed = ipaddress.ip_address(address)
    return any(parsed in network for network in _INSIDE)
