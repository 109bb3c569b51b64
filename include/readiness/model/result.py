"""What checks say: measurements, results of objectives and data checks, the proof of load, the decision."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from readiness.model.interval import Interval
from readiness.model.ledger import LedgerSummary
from readiness.model.verdict import Decision, Verdict


@dataclass(frozen=True)
class Measurement:
    """A metric's value in the kept unit of its dimension. ``value`` None: the evidence cannot tell, ``note`` says
    why. ``interval`` None: counted exactly. ``n``: number of observations."""

    value: float | None
    interval: Interval | None
    n: int
    note: str = ""


@dataclass(frozen=True)
class ObjectiveResult:
    """One objective compared: ``must`` is its target as people read it, ``shown`` the value likewise."""

    name: str
    metric: str
    statistic: str | None
    must: str
    severity: str
    verdict: Verdict
    measurement: Measurement
    shown: str
    reason: str


@dataclass(frozen=True)
class DataCheck:
    """One check of the evidence itself. PASS, FAIL (the evidence cannot be trusted) or ERROR."""

    dataset: str
    check: str
    verdict: Verdict
    expected: str
    observed: str


@dataclass(frozen=True)
class LoadProof:
    """Whether the load that was asked for was really offered. ``invalid_slices``: start times (epoch ns) of the
    slices, each of ``slice_s``, in which under 99 % of the arrivals were sent within 10 ms of their time."""

    valid: bool
    scheduled: int
    sent: int
    asked_per_s: float
    achieved_per_s: float
    slices: int
    invalid_slices: tuple[int, ...]
    lag_p99_ms: float | None
    reasons: tuple[str, ...]
    slice_s: float = 1.0  # that of every proof before it was recorded


@dataclass(frozen=True)
class Outage:
    """One time in which a probed path did not serve (see analysis.outage).

    ``from_ns`` to ``until_ns``: the longest that it can have been, epoch ns; ``low_s``, ``high_s``: bounds of its
    length, ``high_s`` None if it has none: the path had not served before (not ``began``), or never served again (not
    ``ended``); ``failed``: probes that failed in it."""

    path: str
    connection: str
    from_ns: int
    until_ns: int
    low_s: float
    high_s: float | None
    failed: int
    began: bool = True
    ended: bool = True


LISTED_OUTAGES = 500


@dataclass(frozen=True)
class PathInterruption:
    """What the probes say of one path (``model.probe_path``).

    ``low_s``, ``high_s``: bounds of its longest outage (``high_s`` None: without bound); without any outage 0 and the
    longest that one could have gone unseen. ``count``: of all outages; ``outages``: at most the LISTED_OUTAGES longest
    of them, in the order of time."""

    path: str
    connection: str
    probes: int
    failed: int
    low_s: float
    high_s: float | None
    count: int
    outages: tuple[Outage, ...]


def longest_of(found: Iterable[PathInterruption]) -> tuple[float, float | None]:
    """Bounds, in seconds, of the longest outage of all these paths; the upper one is None if one of them has none."""
    paths = tuple(found)
    bounds = [item.high_s for item in paths if item.high_s is not None]
    return max(item.low_s for item in paths), max(bounds) if len(bounds) == len(paths) else None


@dataclass(frozen=True)
class ScenarioResult:
    """Everything that the check stage says of one scenario. ``trusted`` False: the evidence is incomplete, fails a
    data check or does not prove its load; ``problems`` names each reason, and the decision is INCONCLUSIVE."""

    scenario: str
    trusted: bool
    problems: tuple[str, ...]
    verdict: Verdict
    load_proof: LoadProof | None
    objectives: tuple[ObjectiveResult, ...]
    data_checks: tuple[DataCheck, ...]
    ledger: LedgerSummary | None = None
    """None: the evidence has no form from which the ledger could be made."""
    interruptions: tuple[PathInterruption, ...] = ()
    """Of each probed path, in a scenario with probes."""


@dataclass(frozen=True)
class SignOff:
    """The answer of a person, bound to what was shown: the evidence digest and the report's sha256.

    ``answer`` "not required": the environment or the run asks for none; "none": nobody answered in time.
    ``changes``: how the evidence differs, when the answer came, from what was shown; an answer to something else is
    no approval.
    """

    answer: Literal["not required", "approve", "reject", "none"]
    by: str | None
    answered_at: str | None
    comment: str | None
    evidence_digest: str
    report_sha256: str | None
    changes: tuple[str, ...] = ()


@dataclass(frozen=True)
class RunDecision:
    """The decision of a run. ``scope``: "release"; "merge" for a smoke run, which never gates a release; "drill" for
    one that gates nothing.
    ``by_scenario``: what the evidence of each scenario alone says; the run's word is never better than the worst.
    ``images``: component -> digests of what was deployed, and so of what the decision is about; empty where there are
    no images, and in decisions of before."""

    run_id: str
    decision: Decision
    scope: Literal["release", "merge", "drill"]
    reasons: tuple[str, ...]
    evidence_digest: str
    scenarios: tuple[ScenarioResult, ...]
    sign_off: SignOff | None = None
    warnings: tuple[str, ...] = field(default=())
    by_scenario: dict[str, Decision] = field(default_factory=dict)
    images: dict[str, tuple[str, ...]] = field(default_factory=dict)
