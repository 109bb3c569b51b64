"""Outages of one probed path, each with the bounds that its probes prove.

What a probe proves. A success that was sent at s and answered at d: the path served at some moment of [s, d]. A failure
(refused, reset, timed out, or answered with anything but 2xx): it did not serve this probe from s to d. Let g be the
*grace*, the time in which the path answers in its good times. A probe that waits from s to e without an answer proves
that the path was in order for no stretch as long as g inside of [s, e]: so it was down by s + g and not back before
e - g, whether the answer came late or never. (Nothing is made of waits under 2 g: then little or nothing would be left
between the two.) A probe that failed in less than g proves a moment inside of [s, d].

An *outage* is a time between two successive answers with success (in the order of their coming) in which a probe
failed, or in which probes waited so long that the path is proven to have been down for more than a period. Its length
lies in [low, high]:

- high: from the sending of the last probe that had been served before, to the first answer with success after;
- low: between the first and the last moment at which the path is proven down (0 if that is one moment).

Probing tells nothing of what comes and goes between two probes: successive failures are taken as one outage, and a
path that fails some probes while it serves others has as many short outages. With prompt answers high - low is two
periods, and what the answers take; a path that hangs is known to one period and twice the grace. A time by frames lost
or by time stamps of the last and the first good answer is how RFC 6201 (reset time) and RFC 6412 and 6413 (loss of
connectivity) define an interruption; that it is known no better than the sampling interval is theirs, too. Runs of
losses as a thing of their own: RFC 3357 (loss period).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from readiness.model.result import Outage

Ints = NDArray[np.int64]
S = 1_000_000_000
LEAST_GRACE_NS = 1_000_000
GRACE_QUANTILE = 0.95
"""Of the many probes that wait while a path hangs, the first to be answered tells of its end: an answer that takes long
in good times hardly matters, and a higher quantile would only be less certain where the machine is busy."""
_CALM_PERIODS = 3
_PROVEN = 2
"""A wait of this many graces proves something: answers that take a little more than one are common."""
_NEVER, _ALWAYS = np.iinfo(np.int64).max, np.iinfo(np.int64).min


@dataclass(frozen=True)
class Path:
    """The probes of one path, sorted by ``sent_ns``. ``ended_ns``: when each was seen to be answered or to have failed
    (for one still under way: the end of the probing); ``earliest_ns``: when that can have been at the earliest, for a
    prober that did not run for a while sees it late; ``served``: answered with success; ``failed``: known to have
    failed."""

    name: str
    connection: str
    period_ns: int
    sent_ns: Ints
    ended_ns: Ints
    earliest_ns: Ints
    served: NDArray[np.bool_]
    failed: NDArray[np.bool_]


def find_outages(path: Path) -> tuple[Outage, ...]:
    """Every outage of the path, in the order of time."""
    if not len(path.sent_ns):
        return ()
    gaps = _Gaps(path)
    count = len(gaps.ends_ns)
    stalled = gaps.waited_ns > _PROVEN * gaps.grace_ns
    members = _attributed(path, gaps, stalled)
    failures = np.bincount(members[path.failed], minlength=count)
    found = [
        _outage(path, gaps, int(gap), np.flatnonzero(path.failed & (members == gap)))
        for gap in np.flatnonzero(stalled | (failures > 0))
    ]
    return tuple(outage for outage in found if outage.failed or outage.low_s * S > path.period_ns)


def longest_silence_s(path: Path, from_ns: int, until_ns: int) -> float:
    """The longest that the path can have been down without an outage being seen, among the times between answers that
    touch [from_ns, until_ns): from a served probe's sending to the next answer. Infinite if none was served."""
    gaps = _Gaps(path)
    inside = (gaps.ends_ns > from_ns) & (gaps.starts_ns < until_ns)
    if len(gaps.ends_ns) < 3 or not inside[1:-1].any():
        return float("inf")
    return float((gaps.ends_ns - gaps.served_ns)[1:-1][inside[1:-1]].max() / S)


class _Gaps:
    """The times between successive answers with success: gap k ends with the k-th of them. The first begins with the
    first probe, the last ends when the probing did."""

    def __init__(self, path: Path) -> None:
        answers = np.flatnonzero(path.served)
        answers = answers[np.argsort(path.ended_ns[answers], kind="stable")]
        done_ns = path.ended_ns[answers]
        first_ns, last_ns = int(path.sent_ns[0]), int(max(path.ended_ns.max(), path.sent_ns[-1]))
        self.starts_ns: Ints = np.concatenate([[first_ns], done_ns])
        self.ends_ns: Ints = np.concatenate([done_ns, [last_ns]])
        # The latest sending among all that had been served by then: the path was there after it.
        self.served_ns: Ints = np.concatenate([[first_ns], np.maximum.accumulate(path.sent_ns[answers])])
        first = np.searchsorted(path.sent_ns, self.starts_ns, "right")
        first[0] = 0
        sent_ns = np.append(path.sent_ns, _NEVER)[first]
        # The earliest that the gap can have ended, and how long the first probe sent in it had waited then.
        self.earliest_ns: Ints = np.concatenate([path.earliest_ns[answers], [last_ns]])
        self.waited_ns: Ints = np.maximum(0, self.earliest_ns - np.minimum(sent_ns, self.earliest_ns))
        self.done_ns: Ints = done_ns
        self.long = self.ends_ns - self.starts_ns > _CALM_PERIODS * path.period_ns
        self.grace_ns = self._grace(path)

    def of(self, times_ns: Ints) -> Ints:
        """The number of the gap that holds each time."""
        return np.searchsorted(self.done_ns, times_ns, "right")

    def _grace(self, path: Path) -> int:
        """A high quantile of the time to an answer in calm times: over probes during which answers kept coming."""
        took_ns = (path.ended_ns - path.sent_ns)[path.served]
        if not len(took_ns):
            return LEAST_GRACE_NS
        before = np.concatenate([[0], np.cumsum(self.long)])
        sent_in, ended_in = self.of(path.sent_ns[path.served]), self.of(path.ended_ns[path.served])
        calm = took_ns[before[ended_in] == before[sent_in]]
        value = np.quantile(calm, GRACE_QUANTILE) if len(calm) else np.median(took_ns)
        return max(LEAST_GRACE_NS, int(value))


def _attributed(path: Path, gaps: _Gaps, stalled: NDArray[np.bool_]) -> Ints:
    """The gap that each failure belongs to: the one in which it was known to have failed. One that waited longer than
    the grace may have seen several: then the longest stalled one, or, where answers kept coming to others, the one that
    it was sent in."""
    members = gaps.of(path.ended_ns)
    members = np.minimum(members, len(gaps.ends_ns) - 1)
    sent_in = gaps.of(path.sent_ns)
    lengths_ns = np.where(stalled & gaps.long, gaps.waited_ns, -1)
    long = path.failed & (path.ended_ns - path.sent_ns > gaps.grace_ns) & (sent_in < members)
    for k in np.flatnonzero(long):
        low, high = int(sent_in[k]), int(members[k]) + 1
        longest = low + int(np.argmax(lengths_ns[low:high]))
        members[k] = longest if lengths_ns[longest] >= 0 else low
    return members


def _outage(path: Path, gaps: _Gaps, gap: int, failures: Ints) -> Outage:
    start_ns, end_ns = int(gaps.starts_ns[gap]), int(gaps.ends_ns[gap])
    began, ended = gap > 0, gap < len(gaps.ends_ns) - 1
    first, last = np.searchsorted(path.sent_ns, [start_ns, end_ns], "right" if began else "left")
    probes = np.union1d(np.arange(first, last), failures)
    down_ns, up_ns = _proven_down(path, probes, end_ns, int(gaps.earliest_ns[gap]), gaps.grace_ns)
    low_ns = max(0, min(up_ns, end_ns) - max(down_ns, start_ns))
    served_ns = int(gaps.served_ns[gap])
    high_s = (end_ns - served_ns) / S if began and ended else None
    return Outage(path.name, path.connection, served_ns, end_ns, low_ns / S, high_s, len(failures), began, ended)


def _proven_down(path: Path, probes: Ints, end_ns: int, earliest_end_ns: int, grace_ns: int) -> tuple[int, int]:
    """By when the path was down, and until when at least, as these probes of a gap prove it."""
    sent_ns, seen_ns = path.sent_ns[probes], np.minimum(path.ended_ns[probes], end_ns)
    earliest_ns = np.maximum(sent_ns, np.minimum(path.earliest_ns[probes], earliest_end_ns))
    failed = path.failed[probes] & (path.ended_ns[probes] <= end_ns)
    waited = earliest_ns - sent_ns > _PROVEN * grace_ns
    down_ns = np.where(failed, np.minimum(seen_ns, sent_ns + grace_ns), np.where(waited, sent_ns + grace_ns, _NEVER))
    up_ns = np.where(
        failed, np.maximum(sent_ns, earliest_ns - grace_ns), np.where(waited, earliest_ns - grace_ns, _ALWAYS)
    )
    return int(down_ns.min()), int(up_ns.max())
