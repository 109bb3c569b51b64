"""The open loop: every arrival is sent at its time by a greenlet of its own, whatever the answers do.

Latency counts from the intended time, so a stall of the target shows in every arrival that fell into it.
"""

from collections import deque
from dataclasses import dataclass, field

import gevent
import numpy as np
from arrivals import Schedule
from connections import Connections, NoAnswerError
from gevent.event import Event
from load_plan import LoadPlan
from numpy.typing import NDArray
from request_log import RequestLog, row
from run_clock import RunClock
from suricata_traffic import Traffic

# How long a stop can go unnoticed between two arrivals.
_LONGEST_SLEEP_S = 0.1
_CHUNK = 4096
_RECENT_ANSWERS = 100_000


@dataclass(slots=True)
class Tally:
    """What has happened so far. latest: (done_ns, latency_ms) of the most recent answers."""

    handled: int = 0
    sent: int = 0
    answered: int = 0
    errors: int = 0
    latest: deque[tuple[int, float]] = field(default_factory=lambda: deque(maxlen=_RECENT_ANSWERS))


class OpenLoop:
    """Sends the schedule of one run and records each arrival. Times inside are epoch ns of the run's clock."""

    def __init__(
        self,
        plan: LoadPlan,
        schedule: Schedule,
        traffic: Traffic,
        connections: Connections,
        log: RequestLog,
        clock: RunClock,
    ) -> None:
        self._plan, self._schedule, self._traffic = plan, schedule, traffic
        self._connections, self._log, self._clock = connections, log, clock
        self._head = request_head(plan)
        self._in_flight: dict[int, int] = {}
        self._ended = Event()
        self.start_ns = 0
        self.tally = Tally()
        self.failure: BaseException | None = None
        # -1: not sent (yet)
        self.send_lag_ns: NDArray[np.int64] = np.full(schedule.count, -1, dtype=np.int64)

    def run(self, start_ns: int) -> None:
        """Send the whole schedule from start_ns on and wait for the last outcome, or until end() is called."""
        self.start_ns = start_ns
        self._dispatch()
        while not self._ended.is_set() and self.tally.handled < self._schedule.count:
            self._ended.wait(0.005)
        self.end()

    def end(self, failure: BaseException | None = None) -> None:
        """Stop sending; what is still in flight is recorded as stopped. `failure`: why, if it is a fault."""
        self.failure = self.failure or failure
        self._ended.set()
        for seq, sent_ns in list(self._in_flight.items()):
            self._record(seq, sent_ns, None, (0, "stopped"))

    def wait(self, timeout_s: float | None = None) -> bool:
        """Block until run() has ended, or for ``timeout_s``; whether it has ended."""
        return bool(self._ended.wait(timeout_s))

    def phase_now(self) -> str:
        """warmup, measure, or drain: all is sent and the last answers are awaited."""
        elapsed_ns = self._clock.now_ns() - self.start_ns
        if elapsed_ns >= self._schedule.total_ns:
            return "drain"
        return "warmup" if elapsed_ns < self._schedule.warmup_ns else "measure"

    def _dispatch(self) -> None:
        for first in range(0, self._schedule.count, _CHUNK):
            due = (self._schedule.offsets_ns[first : first + _CHUNK] + self.start_ns).tolist()
            for seq, intended_ns in enumerate(due, start=first):
                self._sleep_until(intended_ns)
                if self._ended.is_set():
                    return
                gevent.spawn_raw(self._arrive, seq, intended_ns)

    def _sleep_until(self, due_ns: int) -> None:
        while (left_ns := due_ns - self._clock.now_ns()) > 0 and not self._ended.is_set():
            gevent.sleep(min(left_ns / 1e9, _LONGEST_SLEEP_S))

    def _arrive(self, seq: int, intended_ns: int) -> None:
        try:
            self._attempt(seq, intended_ns)
        except Exception as error:  # noqa: BLE001  a fault in one greenlet must end the run, not vanish in the hub
            self.end(error)

    def _attempt(self, seq: int, intended_ns: int) -> None:
        timeout_s = self._plan.request_timeout_s
        event_id = self._traffic.event_id(seq)
        body = self._traffic.body(seq, event_id, intended_ns)
        request = b"%b%d\r\n\r\n%b" % (self._head, len(body), body)
        reserved = self._connections.reserve(timeout_s)
        if self._ended.is_set():
            return
        sent_ns = self._clock.now_ns()
        self._in_flight[seq] = sent_ns
        if not reserved:
            self._record(seq, sent_ns, None, (0, "no_connection"))
            return
        self.tally.sent += 1
        try:
            status = self._connections.exchange(request, timeout_s)
        except NoAnswerError as failed:
            self._record(seq, sent_ns, None, (0, failed.error_class))
        else:
            self._record(seq, sent_ns, self._clock.now_ns(), (status, ""))

    def _record(self, seq: int, sent_ns: int, done_ns: int | None, outcome: tuple[int, str]) -> None:
        if self._in_flight.pop(seq, None) is None:
            return  # recorded as stopped while its answer was under way
        intended_ns = self.start_ns + int(self._schedule.offsets_ns[seq])
        phase = "warmup" if seq < self._schedule.warmup_count else "measure"
        times_ns = (intended_ns, sent_ns, done_ns)
        signature_id = self._traffic.signature_id(seq)
        self._log.add(row(seq, self._traffic.event_id(seq), phase, times_ns, outcome, signature_id))
        self.send_lag_ns[seq] = sent_ns - intended_ns
        self._count(intended_ns, done_ns, outcome)

    def _count(self, intended_ns: int, done_ns: int | None, outcome: tuple[int, str]) -> None:
        status, error = outcome
        tally = self.tally
        tally.handled += error != "stopped"
        tally.errors += bool(error) or status >= 400
        if done_ns is not None:
            tally.answered += 1
            tally.latest.append((done_ns, (done_ns - intended_ns) / 1e6))


def request_head(plan: LoadPlan) -> bytes:
    """The head of every request, up to the value of Content-Length."""
    lines = (
        f"POST {plan.target.path} HTTP/1.1",
        f"Host: {plan.target.host_header}",
        "User-Agent: phantommesh-load",
        "Content-Type: application/json",
        "Content-Length: ",
    )
    return "\r\n".join(lines).encode("ascii")
