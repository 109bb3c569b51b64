"""Upper bounds of the stages, in seconds: what takes longer is broken and is stopped."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from readiness.model.environment import Environment
from readiness.model.scenario import Scenario

_START_S = 60.0
"""Starting the command and its imports, on a machine that is busy."""
_STEADY_S = 270.0
"""Waiting for the steady state before a load (readiness.stages.steady_state), with the last question."""
_FIXED_S = {
    "request": 60.0,
    "plan": 60.0,
    "verify": 120.0,
    "check": 300.0,
    "report": 300.0,
    "sign_off": 60.0,
    "teardown": 120.0,
    "close": 60.0,
}
_EXAMINE_S = 120.0
"""Examining the evidence of one full scenario anew, which deciding does for each: 32 s for an hour of metrics."""
_PROMETHEUS_S = 240.0
"""Waiting for a Prometheus that starts again, and reading an hour of metrics from two of them."""
_SIGN_OFF_VARIABLE = "READINESS_SIGN_OFF_TIMEOUT_S"
_SIGN_OFF_DEFAULT_S = 4 * 3600.0


@dataclass(frozen=True)
class TimeLimits:
    """``work_s``: stage -> seconds that it may take by itself. ``wait_s``: stage -> seconds that its task may wait
    before: a mapped load waits for the scenario before it."""

    work_s: Mapping[str, float]
    wait_s: Mapping[str, float]

    @property
    def limit_s(self) -> Mapping[str, float]:
        """Stage -> seconds of its task."""
        return {stage: work_s + self.wait_s.get(stage, 0.0) for stage, work_s in self.work_s.items()}

    def of(self, stage: str, more_s: float = 0.0) -> timedelta:
        """The bound of the task, with ``more_s`` for what the place adds."""
        return timedelta(seconds=self.limit_s[stage] + more_s)


def time_limits(environment: Environment, scenarios: Iterable[Scenario]) -> TimeLimits:
    """The bounds for an environment and whichever of the scenarios and profiles a run may choose."""
    scenarios = tuple(scenarios)
    profiles = [profile for scenario in scenarios for profile in scenario.profiles.values()]
    load_s = max(profile.warmup + profile.measure + profile.drain for profile in profiles) + 2 * _START_S
    # Waiting for the target to heal, to drain, and to drain what was replayed.
    collect_s = 3 * max(profile.drain for profile in profiles) + 3 * _START_S
    collect_s += _PROMETHEUS_S if environment.observation.of_prometheus is not None else 0.0
    before_s = collect_s + _FIXED_S["check"]
    return TimeLimits({
        **_FIXED_S,
        "deploy": environment.start_timeout + _START_S,
        "load": load_s + _STEADY_S,
        "collect": collect_s,
        "decide": _START_S + _EXAMINE_S * len(scenarios),
    }, {"load": before_s})  # fmt: skip


def sign_off_timeout(environ: Mapping[str, str] = os.environ) -> timedelta:
    """How long a person may take: READINESS_SIGN_OFF_TIMEOUT_S in seconds, else 4 hours. Raises ValueError."""
    text = environ.get(_SIGN_OFF_VARIABLE, "")
    try:
        seconds = float(text) if text else _SIGN_OFF_DEFAULT_S
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 7 * 24 * 3600:
        raise ValueError(
            f"{_SIGN_OFF_VARIABLE}: {text!r} is not a number of seconds from 1 to 604800; correct or unset it"
        )
    return timedelta(seconds=seconds)
