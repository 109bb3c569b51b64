"""A delivery in doubt is asked for before it is made again; a fresh one asks nobody."""

import asyncio
import uuid
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from phantommesh.automation.channels.backoff import Backoff
from phantommesh.automation.channels.circuit_breaker import CircuitBreaker
from phantommesh.automation.channels.contract import ChannelError
from phantommesh.automation.channels.lookup import Lookup
from phantommesh.automation.deliver import ChannelQueue
from phantommesh.automation.delivery import ALERT, Delivery, delivery_id
from phantommesh.automation.inquiry import AT_ONCE, Inquiry
from phantommesh.automation.settle import Settler

QUICK = Backoff(1e-6, 1e-6, 2)


def due(attempts: int = 0) -> Delivery:
    event_id = uuid.uuid4()
    identity = delivery_id(event_id, "slack")
    return Delivery(identity, event_id, "s", "high", 7.0, "x", uuid.uuid4(), "slack", ALERT, attempts, 0)


def orphan(attempts: int = 0) -> Delivery:
    found = due(attempts)
    found.doubtful = True
    return found


class Channel:
    """Takes what it is sent, after it has failed as often and as it is told. has: what it can be asked for."""

    name, max_batch = "slack", 100

    def __init__(self, *failures: Callable[[Sequence[Delivery]], ChannelError]) -> None:
        self._failures = list(failures)
        self.posts: list[list[uuid.UUID]] = []
        self.has: set[uuid.UUID] = set()
        self.questions: list[list[uuid.UUID]] = []
        self.mute: set[uuid.UUID] | None = set()

    async def post(self, alerts: Sequence[Delivery]) -> None:
        self.posts.append([item.delivery_id for item in alerts])
        if self._failures:
            raise self._failures.pop(0)(alerts)
        self.has.update(self.posts[-1])

    async def ask(self, delivery_ids: Sequence[uuid.UUID]) -> list[bool | str]:
        self.questions.append([*delivery_ids])
        await asyncio.sleep(0)
        return ["silent" if self.mute is None or item in self.mute else item in self.has for item in delivery_ids]

    def close(self) -> None: ...


class Marks:
    """What the settler is told."""

    def __init__(self) -> None:
        self.delivered_: list[tuple[uuid.UUID, bool]] = []
        self.found_: list[uuid.UUID] = []
        self.given_up_: list[uuid.UUID] = []
        self.tried_ = 0

    def delivered(self, items: Sequence[Delivery]) -> None:
        self.delivered_ += [(item.delivery_id, item.doubtful) for item in items]

    def found(self, items: Sequence[Delivery]) -> None:
        self.found_ += [item.delivery_id for item in items]

    def given_up(self, items: Sequence[Delivery], _reason: str) -> None:
        self.given_up_ += [item.delivery_id for item in items]

    def tried(self, items: Sequence[Delivery]) -> None:
        self.tried_ += len(items)

    @property
    def over(self) -> int:
        return len(self.delivered_) + len(self.found_) + len(self.given_up_)


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def worked(
    channel: Channel, fresh: Sequence[Delivery] = (), doubtful: Sequence[Delivery] = (), askable: bool = True,
    until: Callable[[Marks], bool] | None = None, clock: Clock | None = None, patience_s: float = 1e9,
) -> Marks:  # fmt: skip
    """Let a queue work until everything is over (or what `until` says); what was marked."""
    marks = Marks()
    count = len(fresh) + len(doubtful)

    async def work() -> None:
        inquiry = Inquiry("slack", cast(Lookup, channel), Backoff(1e-6, 1e-6, 10**9), patience_s, clock or Clock())
        queue = ChannelQueue(
            channel, QUICK, CircuitBreaker(100, 1), 0.0, cast(Settler, marks), inquiry if askable else None
        )
        tasks = [asyncio.ensure_future(part) for part in queue.at_work()]
        for item in fresh:
            queue.add(item)
        for item in doubtful:
            queue.add_doubtful(item)
        try:
            async with asyncio.timeout(10):
                while not (until or (lambda marks: marks.over == count))(marks):
                    await asyncio.sleep(0.001)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(work())
    return marks


def no_answer(alerts: Sequence[Delivery]) -> ChannelError:
    return ChannelError("no answer", doubtful=alerts)


def refused(_: Sequence[Delivery]) -> ChannelError:
    return ChannelError("connection refused")


def test_fresh_deliveries_ask_nothing() -> None:
    channel, items = Channel(), [due() for _ in range(50)]
    marks = worked(channel, items)
    assert channel.questions == []
    assert marks.delivered_ == [(item.delivery_id, False) for item in items]


def test_what_the_channel_has_is_marked_and_what_it_has_not_is_sent() -> None:
    channel, items = Channel(), [orphan() for _ in range(2 * AT_ONCE + 7)]
    channel.has = {item.delivery_id for item in items[::2]}
    marks = worked(channel, [], items)
    assert set(marks.found_) == {item.delivery_id for item in items[::2]}
    assert sorted(item for post in channel.posts for item in post) == sorted(item.delivery_id for item in items[1::2])
    assert {doubtful for _, doubtful in marks.delivered_} == {False}, "known not to be there: no doubt is left"
    assert max(map(len, channel.questions)) == AT_ONCE


def test_an_attempt_without_an_answer_is_asked_for_before_the_next() -> None:
    arrived, lost = due(), due()
    channel = Channel(no_answer)
    channel.has = {arrived.delivery_id}
    marks = worked(channel, [arrived, lost])
    assert (marks.found_, marks.delivered_) == ([arrived.delivery_id], [(lost.delivery_id, False)])
    assert channel.posts == [[arrived.delivery_id, lost.delivery_id], [lost.delivery_id]]


def test_an_attempt_that_surely_did_not_arrive_is_repeated_without_a_question() -> None:
    channel, item = Channel(refused, refused), due()
    marks = worked(channel, [item])
    assert channel.questions == []
    assert (len(channel.posts), marks.delivered_) == (3, [(item.delivery_id, False)])


def test_a_question_without_an_answer_is_repeated_and_nothing_is_sent_meanwhile() -> None:
    channel, item = Channel(), orphan()
    channel.mute = None
    marks = worked(channel, [], [item], until=lambda _: len(channel.questions) > 50)
    assert (channel.posts, marks.over, item.attempts, marks.tried_) == ([], 0, 0, 0)


def test_nothing_waits_for_ever() -> None:
    channel, item, clock = Channel(), orphan(), Clock()
    channel.mute = None
    patience: list[int] = []

    def over(marks: Marks) -> bool:
        if len(channel.questions) > 20 and not patience:
            assert channel.posts == []
            patience.append(len(channel.questions))
            clock.now_s = 300.0
        return marks.over == 1

    marks = worked(channel, [], [item], until=over, clock=clock, patience_s=300.0)
    assert marks.delivered_ == [(item.delivery_id, True)], "sent once more, and marked as in doubt"
    assert len(channel.posts) == 1


def test_one_without_an_answer_holds_up_no_other() -> None:
    channel, items = Channel(), [orphan() for _ in range(3 * AT_ONCE)]
    channel.mute = {items[0].delivery_id}
    marks = worked(channel, [due()], items, until=lambda marks: marks.over == 3 * AT_ONCE)
    assert items[0].delivery_id not in {item for item, _ in marks.delivered_}


@pytest.mark.parametrize("arrived", [True, False])
def test_the_last_attempt_is_asked_for_before_it_is_given_up(arrived: bool) -> None:
    channel, item = Channel(no_answer), due(attempts=2)  # of at most 3
    if arrived:
        channel.has = {item.delivery_id}
    marks = worked(channel, [item])
    assert (marks.found_, marks.given_up_) == (([item.delivery_id], []) if arrived else ([], [item.delivery_id]))
    assert len(channel.posts) == 1


def test_a_channel_that_cannot_be_asked_gets_it_again_and_the_mark_says_so() -> None:
    channel, item = Channel(), orphan()
    marks = worked(channel, [], [item], askable=False)
    assert (channel.questions, marks.delivered_) == ([], [(item.delivery_id, True)])


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", [True] * 3),
        (b"HTTP/1.1 404 -\r\nContent-Length: 2\r\n\r\n{}", [False] * 3),
        (b"HTTP/1.1 500 -\r\nContent-Length: 0\r\n\r\n", ["answered 500"] * 3),
        (b"HTTP/1.1 204 -\r\n\r\n", ["answered 204"] * 3),
        (b"", ["closed the connection without a whole answer"] * 3),
        (None, ["no answer within 0.2 s"] * 3),
    ],
)
def test_only_200_and_404_are_answers(answer: bytes | None, said: list[bool | str]) -> None:
    targets: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                targets.append((await reader.readuntil(b"\r\n\r\n")).split(b" ")[1])
                if answer == b"":
                    break
                writer.write(answer or b"")
        except asyncio.IncompleteReadError:
            pass
        writer.close()

    async def ask() -> list[bool | str]:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        lookup = Lookup(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/has/{{delivery_id}}?a=%20b", 0.2)
        try:
            return await lookup.ask(asked)
        finally:
            lookup.close()
            server.close()

    asked = [uuid.uuid4() for _ in range(3)]
    assert asyncio.run(ask()) == said
    assert targets[0].decode() == f"/has/{asked[0]}?a=%20b"


def test_what_could_not_be_delivered_is_marked_with_what_is_known_of_it() -> None:
    """The settler's own words: found, perhaps repeated, or no doubt."""
    written: list[Any] = []

    class Connection:
        async def execute(self, _statement: str, *columns: Any) -> None:
            written.extend(zip(columns[0], columns[6], columns[8], strict=True))

    counters = {"slack": SimpleNamespace(inc=lambda _: None)}
    settler = Settler.__new__(Settler)
    settler.__dict__.update(
        _replica="a", _over=[], _linger=SimpleNamespace(note=lambda _: None), _some=asyncio.Event(),
        _backlog=SimpleNamespace(settle=lambda *_: None),
        _metrics=SimpleNamespace(
            took_each=lambda *_: None,
            deliveries=dict.fromkeys(("delivered", "found", "failed"), counters),
        ),
    )  # fmt: skip
    plain, doubtful, found, failed, unclear = due(), orphan(), orphan(), due(), orphan()
    settler.delivered([plain, doubtful])
    settler.found([found])
    settler.given_up([failed, unclear], "no")
    asyncio.run(settler._settle(cast(Any, SimpleNamespace(settler=Connection()))))
    assert written == [
        (plain.event_id, None, None), (doubtful.event_id, None, "repeated"), (found.event_id, None, "found"),
        (failed.event_id, "no", None), (unclear.event_id, "no", "unknown"),
    ]  # fmt: skip
