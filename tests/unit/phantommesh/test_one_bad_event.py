"""What is wrong with one event is that event's alone."""

import asyncio
import uuid
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from phantommesh.automation.accepted import Accepted
from phantommesh.automation.backlog import Backlog
from phantommesh.automation.body import parse
from phantommesh.automation.delivery import Delivery
from phantommesh.automation.events import EventError, Observation
from phantommesh.automation.ingest import Ingest, UnavailableError
from phantommesh.automation.judging import Judge
from phantommesh.automation.metrics import Metrics
from phantommesh.automation.session import Session
from phantommesh.automation.settle import Settler
from phantommesh.config.model import Limits, System
from phantommesh.database.statements import COUNT_ATTEMPTS
from phantommesh.threat_model.history import NO_HISTORY
from phantommesh.threat_model.threat_model import Factors, IntelligenceFactor, ModelFactor, RuleFactor, Verdict

LIMITS = Limits(max_event_bytes=256 * 1024, max_array=1_000, max_body_bytes=8 * 2**20, max_connections=100)
EVENT = (
    b'{"timestamp":"2026-01-31T23:59:59.000001+0000","event_type":"alert","src_ip":"192.0.2.1","dest_ip":"192.0.2.2",'
    b'"proto":"TCP","alert":{"signature_id":1,"signature":"%b","category":"Misc activity","severity":3}}'
)
HALF_A_PAIR = EVENT % rb"\ud800"


@pytest.mark.parametrize("between", [b",", b" ,\n "])
def test_half_a_surrogate_pair_spoils_its_own_event_only(between: bytes) -> None:
    items = parse(b"[" + between.join([EVENT % b"a", HALF_A_PAIR, EVENT % b"b"]) + b" ]\n", 1, LIMITS).items
    assert [isinstance(item, EventError) for item in items] == [False, True, False]


@pytest.mark.parametrize(
    "body", [b"[%b,]", b"[%b", b"[%b]]", b"[%b %b]", b"[%b,nope]"], ids=["comma", "open", "twice", "apart", "word"]
)
def test_an_array_that_is_none_is_refused_as_a_whole(body: bytes) -> None:
    with pytest.raises(EventError):
        parse(body.replace(b"%b", HALF_A_PAIR), 1, LIMITS)


FOUND = Verdict(
    1.0, 0.9, "low",
    Factors(RuleFactor(1.0, 0.9), ModelFactor("rules"), IntelligenceFactor(0), 0),
)  # fmt: skip


class JudgeWithABlindSpot:
    """Fails at one event."""

    def __init__(self, blind_to: uuid.UUID) -> None:
        self._blind_to = blind_to

    def begin(self) -> None: ...

    async def histories(self, _: Any, events: list[Observation]) -> list[Any]:
        return [NO_HISTORY] * len(events)

    def judge(self, event: Observation, _: Any) -> Accepted:
        if event.event_id == self._blind_to:
            raise ZeroDivisionError("a fault in the model")
        return Accepted(event, FOUND, 0, uuid.uuid4(), False, False)

    def durable(self, fresh: list[Accepted]) -> None: ...


class Statement:
    """Takes everything."""

    async def fetchval(self, *values: Any) -> uuid.UUID:
        return cast("uuid.UUID", values[0])

    async def fetch(self, ids: list[uuid.UUID], *_: Any) -> list[tuple[uuid.UUID]]:
        return [(event_id,) for event_id in ids]


async def _prepared(_text: str) -> Statement:
    return Statement()


@pytest.fixture(scope="module")
def metrics() -> Metrics:
    return cast("Metrics", SimpleNamespace(depth_from=lambda _: None, took=lambda *_: None))


def an_event() -> Observation:
    event = parse(EVENT % b"a", 1, LIMITS).good[0]
    event.event_id = uuid.uuid4()
    return event


def test_an_event_that_cannot_be_assessed_is_refused_and_the_others_are_stored(metrics: Metrics) -> None:
    good, bad, other = an_event(), an_event(), an_event()
    system = cast("System", SimpleNamespace(accept_linger_ms=0, max_batch=100))
    session = cast("Session", SimpleNamespace(writer=SimpleNamespace(prepare=_prepared), instance=1))
    stored: list[uuid.UUID] = []
    answers: dict[str, Any] = {}

    def fresh(accepted: list[Accepted]) -> None:
        stored.extend(one.event.event_id for one in accepted)

    def noting(name: str) -> Callable[[Any], None]:
        return lambda answer: answers.__setitem__(name, answer)

    async def work() -> None:
        judge = cast("Judge", JudgeWithABlindSpot(bad.event_id))
        ingest = Ingest("automation-0", judge, Backlog(100, metrics), system, fresh)
        running = asyncio.create_task(ingest.run(session))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        ingest.submit([good], noting("good"))
        ingest.submit([bad], noting("bad"))
        ingest.submit([other], noting("other"))
        async with asyncio.timeout(5):
            while len(answers) < 3:
                await asyncio.sleep(0.001)
        assert not running.done()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(work())
    assert answers["good"] == answers["other"] == [True]
    assert isinstance(answers["bad"], UnavailableError)
    assert sorted(stored) == sorted([good.event_id, other.event_id])


class RefusingOnce:
    """A connection whose first statement fails."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    async def execute(self, text: str, *values: Any) -> None:
        self.calls.append((text, *values))
        if len(self.calls) == 1:
            raise OSError("a full disk")


def test_attempts_that_could_not_be_written_are_written_later(metrics: Metrics) -> None:
    connection = RefusingOnce()
    session = cast("Session", SimpleNamespace(settler=connection))
    settler = Settler("automation-0", 0.0, Backlog(100, metrics), metrics)
    delivery = Delivery(uuid.uuid4(), uuid.uuid4(), "s", "high", 8.0, "x", uuid.uuid4(), "slack", 0, 3, 1)
    settler.tried([delivery])
    with pytest.raises(OSError, match="full disk"):
        asyncio.run(settler._count(session))
    asyncio.run(settler._count(session))
    assert [call[0] for call in connection.calls] == [COUNT_ATTEMPTS] * 2
    assert connection.calls[0] == connection.calls[1]
    asyncio.run(settler._count(session))
    assert len(connection.calls) == 2
