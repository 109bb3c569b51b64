"""The observer's samples: what the target says of one without an address, and answers that overtake each other."""

import asyncio
import time
from typing import Any

from readiness.clients.platform_api import Sample, Scrape
from readiness.stages.observe import Observer
from readiness.stages.replica_discovery import Replica

REPLICA = Replica("automation", "automation-0", "http://127.0.0.1:1", 1, True)
TOLD = Replica("postgres", "postgres-0", None, None, False)


class Rows(list[Any]):
    """A table that is written to."""


class Slow:
    """Answers each question after its own time, with how many were asked until the answer."""

    def __init__(self, *waits_s: float) -> None:
        self._waits_s, self._count = list(waits_s), 0

    async def metrics(self, _: str) -> Scrape:
        await asyncio.sleep(self._waits_s.pop(0))
        self._count += 1
        return Scrape(True, True, 0.0, "", (Sample("phantommesh_events_received_total", "", float(self._count)),))


def observer(metrics: Rows, health: Rows) -> Observer:
    return Observer(None, (REPLICA,), 1.0, metrics, health)  # type: ignore[arg-type]  # neither is asked for more here


def test_an_answer_that_was_overtaken_brings_no_older_tick_with_a_higher_count() -> None:
    metrics, health = Rows(), Rows()
    observing, scraper = observer(metrics, health), Slow(0.2, 0.0, 0.3)

    async def ticks() -> None:
        await asyncio.gather(*(observing._sample(scraper, REPLICA, tick, tick) for tick in (1, 2, 3)))  # type: ignore[arg-type]

    asyncio.run(ticks())
    values = [row[-1] for row in sorted(metrics, key=lambda row: row[0])]
    assert values == sorted(values)
    assert [row[0] for row in metrics] == [2, 3]
    assert {row[0] for row in health} == {1, 2, 3}  # that it answered stays


def test_a_replica_without_an_address_is_what_the_target_says_and_a_gap_while_it_says_nothing() -> None:
    health = Rows()
    observing = observer(Rows(), health)
    now_s = time.monotonic()
    for tick, said in enumerate([None, (True, now_s), (False, now_s), (True, now_s - 60)]):
        if said is not None:
            observing.said["postgres-0"] = said
        asyncio.run(observing._sample(Slow(), TOLD, tick, tick))  # type: ignore[arg-type]
    assert [(row[0], row[4]) for row in health] == [(1, True), (2, False)]
    assert health[-1][-1] == "the target says that it is not ready"
