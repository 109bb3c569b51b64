"""What the pod of each stage requests of a cluster, and what it may take at most."""

from typing import Final

Resources = dict[str, dict[str, str]]
"""``requests`` and ``limits``, each of ``cpu`` and ``memory``, as Kubernetes writes quantities."""

LIGHT: Final[Resources] = {
    "requests": {"cpu": "50m", "memory": "192Mi"}, "limits": {"cpu": "1", "memory": "1Gi"},
}  # fmt: skip
"""Of a stage that is not named below."""
_JUDGING: Final[Resources] = {
    "requests": {"cpu": "100m", "memory": "512Mi"}, "limits": {"cpu": "2", "memory": "4Gi"},
}  # fmt: skip
DEMANDING: Final[dict[str, Resources]] = {
    # Generator (0.06 of a core at 25,000/min), probes (up to 0.42), observer and drill in one: a limit that throttles
    # them would make the load unproven, and so would neighbours that come first.
    "load": {"requests": {"cpu": "1", "memory": "768Mi"}, "limits": {"cpu": "4", "memory": "4Gi"}},
    "collect": _JUDGING,
    "check": _JUDGING,
    "report": _JUDGING,
    "decide": _JUDGING,
}


def resources_of(stage: str) -> Resources:
    """Of the one container of the stage's pod."""
    return DEMANDING.get(stage, LIGHT)
