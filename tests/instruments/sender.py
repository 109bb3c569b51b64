"""The open loop: each request leaves at its time, whatever became of the earlier ones."""

import asyncio
import time
from array import array
from collections import Counter, deque

from instruments.connection import Head
from instruments.outcome import NO_ANSWER
from instruments.plan import SendPlan
from instruments.pool import Pool
from instruments.precise_timer import PreciseTimer
from instruments.requests_ahead import Request, RequestMaker

_CHUNK_EVENTS = 32
# Requests that are due closer together than this leave together: waking for each costs more than sending it.
_LEAST_WAIT_NS, _BUSY_WAIT_NS, _BUSY_PER_S = 100_000, 500_000, 2_000
_SWEEP_S = 0.25


class Sender:
    """Sends a plan's requests; the arrays hold what became of each. Times are epoch ns.

    due_ns: offsets until `start_at` fixes the start.
    """

    def __init__(self, plan: SendPlan, maker: RequestMaker, due_ns: list[int]) -> None:
        self._plan = plan
        self._maker = maker
        self._due_ns = due_ns
        self._per_request = plan.events_per_request
        self._least_wait_ns = _LEAST_WAIT_NS if plan.requests / plan.duration_s < _BUSY_PER_S else _BUSY_WAIT_NS
        self._chunk = max(1, _CHUNK_EVENTS // plan.events_per_request)
        self._loop = asyncio.get_running_loop()
        self._timer = PreciseTimer(self._loop, self._send_due)
        self._ready: deque[Request] = deque()
        self._made = self._next = 0
        self._open = 0  # requests that left or are due, and have no end yet
        self._over = asyncio.Event()
        self.sent_ns, self.done_ns = array("q", bytes(8 * len(due_ns))), array("q", bytes(8 * len(due_ns)))
        self.status, self.first_status = array("H", bytes(2 * len(due_ns))), array("H", bytes(2 * len(due_ns)))
        self.attempts = array("H", bytes(2 * len(due_ns)))
        self.sent_bytes = 0
        self.counts: Counter[str] = Counter()
        self.pool = Pool(plan, self.answered, self.failed, self._left)

    def start_at(self, start_ns: int) -> None:
        """Fix the start (epoch): the due times, given as offsets, count from it."""
        self._due_ns = [start_ns + offset_ns for offset_ns in self._due_ns]
        self._make_ahead()

    @property
    def began(self) -> int:
        """How many requests were due so far."""
        return self._next

    async def run(self) -> None:
        """Send everything, then wait for what is unanswered, at most answer_timeout_s."""
        self._arm()
        last_s = (self._due_ns[-1] - time.time_ns()) / 1e9 + self._plan.answer_timeout_s
        sweeper = asyncio.create_task(self._sweep())
        try:
            async with asyncio.timeout(last_s + 1):
                await self._over.wait()
        except TimeoutError:
            self.counts["never ended"] = self._open
        finally:
            sweeper.cancel()
            self._timer.close()

    def stop(self) -> None:
        """Nothing that is not due yet will be sent."""
        del self._due_ns[max(self._next, 1) :]
        self._check_over()

    def _send_due(self) -> None:
        now_ns = time.time_ns()
        due_ns, number = self._due_ns, self._next
        while number < len(due_ns) and due_ns[number] <= now_ns:
            if not self._ready:
                self._make(self._chunk)
            request = self._ready.popleft()
            number += 1
            self._open += 1
            self.pool.send(request)
        self._next = number
        if number < len(due_ns):
            self._arm()
            if len(self._ready) < self._chunk:
                self._loop.call_soon(self._make_ahead)  # after what was just sent has left
        else:
            self._check_over()

    def _arm(self) -> None:
        self._timer.arm(max(self._least_wait_ns, self._due_ns[self._next] - time.time_ns()))

    def _make_ahead(self) -> None:
        if len(self._ready) < 2 * self._chunk:
            self._make(self._chunk)

    def _make(self, count: int) -> None:
        due_ns = self._due_ns[self._made : self._made + count]
        self._ready.extend(self._maker.make(self._made, due_ns))
        self._made += len(due_ns)

    def _left(self, request: Request) -> None:
        """The pool gave a request to a connection."""
        request.sent_ns = sent_ns = time.time_ns()
        self.sent_bytes += len(request.content)
        request.attempts += 1
        if request.attempts == 1:
            self.sent_ns[request.number] = sent_ns

    def answered(self, request: Request, head: Head, answer: bytes) -> None:
        """An answer came: head and body as they were read."""
        status = head.status
        if status == 202 and not self._right(request, answer):
            self.counts["answers that name another event"] += 1
            status = NO_ANSWER
        if status == 202:
            if b'"duplicate"' in answer:
                self.counts["duplicate"] += 1
            self._end(request, status)
            return
        if status in (429, 503):
            self.counts[f"{status} with Retry-After" if head.retry_after else f"{status} without Retry-After"] += 1
        self._unsuccessful(request, status)

    def failed(self, request: Request) -> None:
        """The connection was lost before an answer came."""
        self.counts["lost with the connection"] += 1
        self._unsuccessful(request, NO_ANSWER)

    def _right(self, request: Request, answer: bytes) -> bool:
        wanted = self._per_request
        return request.first_id in answer and (wanted == 1 or answer.count(b'"event_id"') == wanted)

    def _unsuccessful(self, request: Request, status: int) -> None:
        if request.attempts == 1:
            self.first_status[request.number] = status
        first_ms = self._plan.retry_first_ms
        waited_ns = time.time_ns() - self._due_ns[request.number]
        if first_ms is None or status in (400, 413) or waited_ns > self._plan.answer_timeout_s * 1e9:
            self._end(request, status)
            return
        self.counts["retries"] += 1
        wait_ms = min(first_ms * 2 ** min(request.attempts - 1, 10), self._plan.retry_longest_ms)
        self._loop.call_later(wait_ms / 1e3, self.pool.send, request)

    def _end(self, request: Request, status: int) -> None:
        number = request.number
        self.done_ns[number] = time.time_ns()
        self.status[number] = status
        self.attempts[number] = request.attempts
        if request.attempts == 1:
            self.first_status[number] = status
        self._open -= 1
        if self._open == 0:
            self._check_over()

    def _check_over(self) -> None:
        if self._open == 0 and self._next >= len(self._due_ns):
            self._over.set()

    async def _sweep(self) -> None:
        silent_s = self._plan.attempt_timeout_s or self._plan.answer_timeout_s
        while True:
            await asyncio.sleep(_SWEEP_S)
            self.pool.abort_silent(time.time_ns() - round(silent_s * 1e9))
