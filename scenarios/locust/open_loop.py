"""The open loop: every arrival is sent at its time, whatever the answers do.

Latency counts from the intended time, so a stall of the target shows in every arrival that fell into it.
"""

from collections import deque
from dataclasses import dataclass, field

import gevent
import numpy as np
from alarm import Alarm, alarm
from arrivals import Schedule
from connections import Connections, Events
from gevent.event import Event
from load_plan import LoadPlan
from numpy.typing import NDArray
from request_log import Record, RequestLog
from run_clock import RunClock
from suricata_traffic import Traffic

# After so many overdue arrivals in a row, what came in meanwhile has its turn.
_AT_ONCE = 16
# Requests are made so many at a time: one by one, after an idle moment each, they cost three times as much.
_AHEAD = 32
_RECENT_ANSWERS = 100_000


@dataclass(slots=True)
class Tally:
    """What has happened so far. latest: (done_ns, latency_ms) of the most recent answers."""

    handled: int = 0
    sent: int = 0
    answered: int = 0
    errors: int = 0
    latest: deque[tuple[int, float]] = field(default_factory=lambda: deque(maxlen=_RECENT_ANSWERS))


@dataclass(slots=True)
class _Arrival:
    """One of the schedule. request: what is sent for it; sent_ns 0: no connection has it yet."""

    seq: int
    event_id: str
    intended_ns: int
    request: bytes
    sent_ns: int = 0


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
        self._schedule, self._traffic = schedule, traffic
        self._connections, self._log, self._clock = connections, log, clock
        self._head = request_head(plan)
        self._next, self._ready = 0, deque[_Arrival]()
        self._under_way: dict[int, _Arrival] = {}
        self._ended = Event()
        self._alarm: Alarm | None = None
        self.start_ns = 0
        self.tally = Tally()
        self.failure: BaseException | None = None
        # -1: not sent (yet)
        self.send_lag_ns: NDArray[np.int64] = np.full(schedule.count, -1, dtype=np.int64)

    def run(self, start_ns: int) -> None:
        """Send the whole schedule from start_ns on and wait for the last outcome, or until end() is called."""
        self.start_ns = start_ns
        self._connections.tell(Events(self._left, self._answered, self._failed, self.end))
        self._alarm = alarm(gevent.get_hub().loop, self._ring)
        try:
            self._ring()
            self._ended.wait()
        finally:
            self._alarm.close()
            self.end()

    def end(self, failure: BaseException | None = None) -> None:
        """Stop sending; what is still under way is recorded as stopped. `failure`: why, if it is a fault."""
        self.failure = self.failure or failure
        self._ended.set()
        self._connections.forget_waiting()
        for seq, arrival in list(self._under_way.items()):
            if arrival.sent_ns:
                self._record(seq, None, (0, "stopped"))
        self._under_way.clear()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Block until run() has ended, or for ``timeout_s``; whether it has ended."""
        return bool(self._ended.wait(timeout_s))

    def phase_now(self) -> str:
        """warmup, measure, or drain: all is sent and the last answers are awaited."""
        elapsed_ns = self._clock.now_ns() - self.start_ns
        if elapsed_ns >= self._schedule.total_ns:
            return "drain"
        return "warmup" if elapsed_ns < self._schedule.warmup_ns else "measure"

    def _ring(self) -> None:
        try:
            self._send_what_is_due()
        except Exception as error:  # noqa: BLE001  a fault in a callback must end the run, not vanish in the hub
            self.end(error)

    def _send_what_is_due(self) -> None:
        """Send, and set the alarm for the next; at the end there is none, and the alarm is far away."""
        assert self._alarm is not None, "run() makes it"
        for _ in range(_AT_ONCE):
            if self._ended.is_set() or not (self._ready or self._prepare()):
                self._alarm.set(self._schedule.total_ns)
                return
            if (left_ns := self._ready[0].intended_ns - self._clock.now_ns()) > 0:
                self._alarm.set(left_ns)
                return
            arrival = self._ready.popleft()
            self._under_way[arrival.seq] = arrival
            self._connections.send(arrival.seq, arrival.request)
        self._alarm.set(0)

    def _prepare(self) -> bool:
        """Make the next requests; False if there are no more."""
        first, self._next = self._next, min(self._next + _AHEAD, self._schedule.count)
        due_ns = (self._schedule.offsets_ns[first : self._next] + self.start_ns).tolist()
        for seq, intended_ns in enumerate(due_ns, start=first):
            event_id = self._traffic.event_id(seq)
            body = self._traffic.body(seq, event_id, intended_ns)
            request = b"%b%d\r\n\r\n%b" % (self._head, len(body), body)
            self._ready.append(_Arrival(seq, event_id, intended_ns, request))
        return bool(self._ready)

    def _left(self, seq: int) -> None:
        if arrival := self._under_way.get(seq):
            arrival.sent_ns = self._clock.now_ns()
            self.tally.sent += 1

    def _answered(self, seq: int, status: int) -> None:
        self._record(seq, self._clock.now_ns(), (status, ""))

    def _failed(self, seq: int, error: str) -> None:
        self._record(seq, None, (0, error))

    def _record(self, seq: int, done_ns: int | None, outcome: tuple[int, str]) -> None:
        if (arrival := self._under_way.pop(seq, None)) is None:
            return  # recorded as stopped while its answer was under way
        sent_ns = arrival.sent_ns or self._clock.now_ns()
        phase = "warmup" if seq < self._schedule.warmup_count else "measure"
        signature_id = self._traffic.signature_id(seq)
        times_ns = (arrival.intended_ns, sent_ns, done_ns)
        self._log.add(Record(seq, arrival.event_id, phase, *times_ns, *outcome, signature_id))
        self.send_lag_ns[seq] = sent_ns - arrival.intended_ns
        self._count(arrival.intended_ns, done_ns, outcome)

    def _count(self, intended_ns: int, done_ns: int | None, outcome: tuple[int, str]) -> None:
        status, error = outcome
        tally = self.tally
        tally.handled += error != "stopped"
        tally.errors += bool(error) or status >= 400
        if done_ns is not None:
            tally.answered += 1
            tally.latest.append((done_ns, (done_ns - intended_ns) / 1e6))
        if tally.handled == self._schedule.count:
            self._ended.set()


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
