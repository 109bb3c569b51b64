"""POST /v1/events: from the bytes of a body to the bytes of an answer, without a task or a future on the way.

`handle` is called once with a body and calls `respond` once: at once for what is refused, after the commit for what is
accepted.
"""

import time

import msgspec

from phantommesh.automation.body import Parsed, TooLargeError, parse
from phantommesh.automation.events import EventError, Observation
from phantommesh.automation.ingest import Ingest, QueueFullError, UnavailableError
from phantommesh.automation.metrics import Metrics
from phantommesh.automation.request_body import RequestBody
from phantommesh.config.model import Limits
from phantommesh.short_way import Respond

RETRY_AFTER_S = 1
PATH = b"/v1/events"
_encode = msgspec.json.Encoder().encode


class _AcceptedAt(msgspec.Struct, gc=False):
    index: int
    event_id: str
    status: str


class _RejectedAt(msgspec.Struct, gc=False):
    index: int
    code: int
    reason: str
    status: str = "rejected"


class EventRequests:
    """Answers requests with events."""

    def __init__(self, ingest: Ingest, limits: Limits, metrics: Metrics) -> None:
        self._ingest = ingest
        self._limits = limits
        self._metrics = metrics

    def at(self, target: bytes) -> "EventRequests | None":
        """Itself for the address of events, as the short way asks."""
        return self if target == PATH else None

    def new_body(self) -> RequestBody:
        """For a request that begins."""
        return RequestBody(self._limits)

    def handle(self, body: RequestBody, respond: Respond) -> None:
        """Check, submit, answer."""
        received_at_ns = time.time_ns()
        try:
            parsed = parse(body.whole(), received_at_ns, self._limits)
        except TooLargeError as error:
            self._metrics.received["rejected"].inc()
            respond(413, _encode({"error": error.error, "limit": error.limit, "actual": error.actual}), None)
        except EventError as error:
            self._metrics.received["rejected"].inc()
            respond(400, _encode({"error": error.reason, "position": error.position}), None)
        else:
            self._submit(parsed, received_at_ns, respond)

    def _submit(self, parsed: Parsed, received_at_ns: int, respond: Respond) -> None:
        good = parsed.good
        if bad := len(parsed.items) - len(good):
            self._metrics.received["rejected"].inc(bad)
        if not good:
            respond(*_nothing_good(parsed))
            return

        def answer(outcome: list[bool] | UnavailableError) -> None:
            if isinstance(outcome, UnavailableError):
                self._unavailable(outcome, len(good), respond)
            else:
                self._durable(parsed, good, outcome, received_at_ns, respond)

        try:
            self._ingest.submit(good, answer)
        except QueueFullError:
            self._metrics.received["refused"].inc(len(good))
            respond(429, _encode({"error": "the queue is full"}), RETRY_AFTER_S)
        except UnavailableError as error:
            self._unavailable(error, len(good), respond)

    def _unavailable(self, error: UnavailableError, count: int, respond: Respond) -> None:
        self._metrics.received["unavailable"].inc(count)
        respond(503, _encode({"error": str(error)}), None)

    def _durable(
        self, parsed: Parsed, good: list[Observation], new: list[bool], received_at_ns: int, respond: Respond
    ) -> None:
        self._metrics.took("accept", received_at_ns)
        fresh = sum(new)
        if fresh:
            self._metrics.received["accepted"].inc(fresh)
        if fresh < len(new):
            self._metrics.received["duplicate"].inc(len(new) - fresh)
        if parsed.single:
            respond(202, b'{"event_id":"%b","status":"%b"}' % (str(good[0].event_id).encode(), _STATUS[new[0]]), None)
        else:
            status = 202 if len(good) == len(parsed.items) else 207
            respond(status, _encode({"results": _results(parsed, new)}), None)


_STATUS = {True: b"accepted", False: b"duplicate"}


def _nothing_good(parsed: Parsed) -> tuple[int, bytes, None]:
    if not parsed.single:
        return 400, _encode({"error": "no event of the array is good", "results": _results(parsed, [])}), None
    # A single event that is too large was refused before it was parsed: what is left is 400.
    error = next(item for item in parsed.items if isinstance(item, EventError))
    return 400, _encode({"error": error.reason, "position": error.position}), None


def _results(parsed: Parsed, new: list[bool]) -> list[_AcceptedAt | _RejectedAt]:
    answers = iter(new)
    return [
        _RejectedAt(index, item.code, _with_place(item))
        if isinstance(item, EventError)
        else _AcceptedAt(index, str(item.event_id), _STATUS[next(answers)].decode())
        for index, item in enumerate(parsed.items)
    ]


def _with_place(error: EventError) -> str:
    return f"{error.position}: {error.reason}" if isinstance(error.position, str) else error.reason
