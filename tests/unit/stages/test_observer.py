"""The observer's samples: what the target says of one without an address, and answers that overtake each other."""

import asyncio
import time
from dataclasses import replace
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


class Told(Slow):
    """Says how each question was asked."""

    def __init__(self) -> None:
        super().__init__(*[0.0] * 9)
        self.questions: list[str] = []

    async def metrics(self, url: str) -> Scrape:
        self.questions.append("metrics")
        found = await super().metrics(url)
        return replace(found, samples=(*found.samples, Sample("phantommesh_queue_depth", "", 4.0)))

    async def ready(self, _: str) -> Scrape:
        self.questions.append("ready")
        return Scrape(True, False, 1.5, "HTTP 503", ())


class Loading:
    """A load that has ended, or not."""

    def __init__(self, loading: bool) -> None:
        self._loading = loading

    def loading(self, _: int) -> bool:
        return self._loading


def test_where_prometheus_has_the_metrics_health_is_observed_and_after_the_load_the_queue() -> None:
    health, scraper = Rows(), Told()
    observing = Observer(None, (REPLICA,), 1.0, None, health)  # type: ignore[arg-type]  # neither is asked for more here
    for tick, loading in ((1, True), (2, True), (3, False)):
        observing._judge_quiet(Loading(loading), tick)  # type: ignore[arg-type]
        asyncio.run(observing._sample(scraper, REPLICA, tick, tick))  # type: ignore[arg-type]
    assert scraper.questions == ["ready", "ready", "metrics"]
    assert [(row[0], row[3], row[4], row[6]) for row in health] == [
        (1, True, False, "HTTP 503"), (2, True, False, "HTTP 503"), (3, True, True, "")
    ]  # fmt: skip
    assert observing.pulse.queue == {"automation-0": 4.0}


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
