"""A replica that is found before its pod has an address is asked what one that was there from the start is asked."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from readiness.analysis.measure import measure
from readiness.checks.completeness import Expected, metrics_as_declared
from readiness.clients.platform_api import Scraper
from readiness.model.dataset import HEALTH, ScenarioEvidence
from readiness.model.verdict import Verdict
from readiness.stages.observe import Observer
from readiness.stages.replica_discovery import Discovery
from scaled_evidence import with_replica_added
from synthetic_evidence import COMPONENTS, WITH_METRICS, S, steady_evidence, typed

NAME = "automation-3"


class HalfAlive(BaseHTTPRequestHandler):
    """Lives all the time, and is ready for its first two questions."""

    def do_GET(self) -> None:
        asked: list[str] = self.server.asked  # type: ignore[attr-defined]
        ready = self.path != "/readyz" or len(asked) < 2
        asked += [self.path] * (self.path == "/readyz")
        self.send_response(200 if ready else 503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), HalfAlive)
    server.asked = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def status(address: str | None, ready: bool) -> dict[str, Any]:
    part = {"component": "automation", "replica": NAME, "admin_url": address, "pid": None, "ready": ready}
    return {"state": "degraded", "components": [part]}


def observed(url: str, clock_ns: list[int]) -> tuple[Observer, list[tuple[Any, ...]]]:
    """What an observer of health alone wrote of a replica that joined without an address and then got one."""
    declared = {"automation": SimpleNamespace(metrics=True)}
    environment = SimpleNamespace(components=declared, observation=SimpleNamespace(discovery=0.5))
    run: Any = SimpleNamespace(
        plan=SimpleNamespace(environment=environment), most_replicas=lambda: {"automation": 4}, moves=True,
        status=lambda: {"state": "ready", "components": []},
    )  # fmt: skip
    health: list[tuple[Any, ...]] = []
    observer = Observer(None, (), 1.0, None, health)  # type: ignore[arg-type]  # neither is asked for more here
    discovery = Discovery(run, observer)
    discovery.compare(status(None, ready=False), clock_ns[0])
    discovery.compare(status(url, ready=True), clock_ns[1])

    async def look() -> None:
        async with Scraper(2.0) as scraper:
            for number, tick_ns in enumerate(clock_ns[1:]):
                await observer._sample(scraper, observer.replicas[0], tick_ns, number)

    asyncio.run(look())
    return observer, health


def evidence_of(observer: Observer, health: list[tuple[Any, ...]], clean: ScenarioEvidence) -> ScenarioEvidence:
    """Clean evidence of a scale-out with what the observer wrote of the replica that was added."""
    rows = pd.DataFrame(health, columns=list(HEALTH))
    kept = clean.health[clean.health["replica"] != NAME]
    together = pd.concat([kept, typed("observe/health.parquet", {name: rows[name] for name in HEALTH})])
    seen = {"metrics": observer.replicas[0].metrics}
    targets = [target | (seen if target["replica"] == NAME else {}) for target in clean.observe["targets"]]
    return replace(
        clean, health=together.sort_values("time_ns", ignore_index=True), observe=clean.observe | {"targets": targets}
    )


def test_one_that_lives_and_is_not_ready_does_not_pass_for_ready(url: str) -> None:
    clean = with_replica_added(steady_evidence(rate_per_s=2, measure_s=60), NAME, found_s=20, ready_s=20)
    assert measure("replica_ready", None, 0.95, clean).value == 1
    own = clean.health[clean.health["replica"] == NAME]["time_ns"]
    observer, health = observed(url, [int(own.iloc[0]) - S, *map(int, own)])
    evidence = evidence_of(observer, health, clean)
    expected = Expected(5.0, COMPONENTS, WITH_METRICS, None, {"automation": 4})
    assert [check.verdict for check in metrics_as_declared(evidence, expected)] == [Verdict.PASS]
    found = measure("replica_ready", None, 0.95, evidence)
    assert found.value is not None
    assert found.value < 0.5
    assert found.note.startswith(f"worst replica {NAME}: ")
