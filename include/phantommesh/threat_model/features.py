"""An event and its history as numbers: the only thing that a model sees. Pure: no clock, no database, no memory.

What the rules use is there as it stands in the alert (severity, place, port), not as the rules weigh it: a model that
saw the rule score would only repeat it. Words of signature and category are hashed into buckets (the hashing trick:
Weinberger et al., Feature Hashing for Large Scale Multitask Learning, 2009) with CRC-32, which is the same on every
machine and in every process, unlike Python's own hash. A change of anything here needs a new FEATURE_SET_VERSION:
models that were trained on another are refused.
"""

import re
import zlib
from functools import lru_cache

from phantommesh.automation.assess import SENSITIVE_PORTS, inside
from phantommesh.automation.events import Observation
from phantommesh.threat_model.history import AddressHistory, History

FEATURE_SET = "alert-and-history"
FEATURE_SET_VERSION = 1
WORD_BUCKETS = 32
CATEGORY_BUCKETS = 8
MAX_TEXT = 256  # characters that are read of a signature and of a category
_WORD = re.compile(r"[a-z]{2,}")
_NUMBER = re.compile(r"\d+")

FEATURES: tuple[str, ...] = (
    "severity", "blocked", "dest_port", "sensitive_port", "src_inside", "dest_inside",
    *(f"{end}_{name}" for end in ("src", "dest") for name in AddressHistory._fields),
    "signature_words", "signature_numbers",
    *(f"word_{bucket}" for bucket in range(WORD_BUCKETS)),
    *(f"category_{bucket}" for bucket in range(CATEGORY_BUCKETS)),
)  # fmt: skip


def features(event: Observation, history: History) -> tuple[float, ...]:
    """The values of FEATURES, in that order; all finite."""
    alert = event.alert
    port = event.dest_port
    return (
        float(alert.severity),
        1.0 if alert.action == "blocked" else 0.0,
        # A sensor may write any integer; a float must hold it.
        -1.0 if port is None else float(min(max(port, -1), 65536)),
        1.0 if port in SENSITIVE_PORTS else 0.0,
        1.0 if inside(event.src_ip) else 0.0,
        1.0 if inside(event.dest_ip) else 0.0,
        *map(float, history.source),
        *map(float, history.destination),
        *_texts(alert.signature[:MAX_TEXT], alert.category[:MAX_TEXT]),
    )


@lru_cache(maxsize=4096)
def _texts(signature: str, category: str) -> tuple[float, ...]:
    """What signature and category say: numbers of words and of numbers, then the buckets of both."""
    words = _WORD.findall(signature.lower())
    return (
        float(len(words)),
        float(len(_NUMBER.findall(signature))),
        *_buckets(words, WORD_BUCKETS),
        *_buckets(_WORD.findall(category.lower()), CATEGORY_BUCKETS),
    )


def _buckets(words: list[str], count: int) -> list[float]:
    found = [0.0] * count
    for word in words:
        found[zlib.crc32(word.encode()) % count] += 1.0
    return found
