"""The real Prometheus, where it is installed: what is collected from it is what was served to it, sample by sample."""

import math
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from readiness.clients.prometheus import Prometheus, PrometheusError
from readiness.model.holding import Holding, tenures
from readiness.stages.metric_rows import Rows, selector

PROGRAM = shutil.which("prometheus")
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="the program prometheus is not on the PATH")
S = 1_000_000_000
CONFIG = """\
scrape_configs:
  - job_name: phantommesh
    scrape_interval: 200ms
    scrape_timeout: 200ms
    static_configs:
      - {{targets: ["127.0.0.1:{0}"], labels: {{component: automation, replica: pod-a, node: node-1}}}}
      - {{targets: ["127.0.0.1:{1}"], labels: {{component: automation, replica: pod-b, node: node-2}}}}
"""
HOLDINGS = [Holding("automation", f"automation-{number}", pod, 0) for number, pod in enumerate(("pod-a", "pod-b"))]


@dataclass
class Exporter:
    """Counts its scrapes and serves what it counted. ``ill``: answers HTTP 500 in place of it."""

    ill: bool = False
    served: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    port: int = 0

    def values(self) -> dict[str, float]:
        number = len(self.served) + 1
        return {
            "phantommesh_queue_depth": math.nan if number == 3 else float(number % 4),
            "process_start_time_seconds": 100.0 if number < 8 else 200.0,
            "process_cpu_seconds_total": number * 0.1,
            'phantommesh_deliveries_total{channel="slack",component="mesh"}': float(number),
            "python_gc_objects_collected_total": 1.0,
            "process_open_fds": 3.0,
        }

    def answer(self) -> tuple[int, str]:
        if self.ill:
            return 500, "ill"
        values = self.values()
        self.served.append((time.time_ns(), values))
        return 200, "".join(f"{name} {value!r}\n" for name, value in values.items())


@pytest.fixture
def exporters() -> Iterator[list[Exporter]]:
    made, servers = [Exporter(), Exporter()], []
    for exporter in made:

        class Handler(BaseHTTPRequestHandler):
            of = exporter

            def do_GET(self) -> None:
                status, text = self.of.answer()
                self.send_response(status)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: Any) -> None:
                """Nothing on the terminal of a test."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        exporter.port = int(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        servers.append((server, thread))
    yield made
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def url(tmp_path: Path, exporters: list[Exporter]) -> Iterator[str]:
    config = tmp_path / "prometheus.yml"
    config.write_text(CONFIG.format(*(exporter.port for exporter in exporters)))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [str(PROGRAM), f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'data'}",
               f"--web.listen-address=127.0.0.1:{port}", "--query.max-samples=60"]  # fmt: skip
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        waited(lambda: ready(f"http://127.0.0.1:{port}"), tmp_path / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


def ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/-/ready", timeout=2.0, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def waited(done: Callable[[], bool], log: Path | None = None) -> None:
    ends_s = time.monotonic() + 40
    while not done():
        assert time.monotonic() < ends_s, log.read_text() if log else "nothing came"
        time.sleep(0.05)


def scraped(exporter: Exporter, more: int) -> None:
    before = len(exporter.served)
    waited(lambda: len(exporter.served) >= before + more)


def read(url: str, start_ns: int, end_ns: int) -> list[tuple[Any, ...]]:
    rows = Rows(tenures(HOLDINGS), ("automation",))
    with Prometheus(url) as client:
        return [row for page in client.raw(selector("phantommesh"), start_ns, end_ns) for row in rows.of(page)]


def stored(url: str, start_ns: int, exporters: list[Exporter]) -> list[tuple[Any, ...]]:
    """All rows, once as many scrapes are stored as were answered."""
    found: list[tuple[Any, ...]] = []

    def all_there() -> bool:
        found[:] = read(url, start_ns, time.time_ns())
        return len({(row[0], row[2]) for row in found}) == sum(len(exporter.served) for exporter in exporters)

    waited(all_there)
    return found


def test_raw_samples_are_what_was_served_with_the_gap_the_restart_and_what_is_no_number(
    url: str, exporters: list[Exporter]
) -> None:
    start_ns = time.time_ns() - 60 * S
    scraped(exporters[0], 10)
    exporters[0].ill, ill_ns = True, time.time_ns()
    scraped(exporters[1], 12)
    exporters[0].ill, well_ns = False, time.time_ns()
    scraped(exporters[0], 10)
    exporters[0].ill = exporters[1].ill = True
    found = stored(url, start_ns, exporters)
    assert [row[0] for row in found] == sorted(row[0] for row in found)
    for number, exporter in enumerate(exporters):
        own = [row for row in found if row[2] == f"automation-{number}"]
        kept = {"phantommesh_queue_depth", "process_start_time_seconds", "process_cpu_seconds_total"}
        for name in kept:
            values = [row[5] for row in own if row[3] == name]
            assert str(values) == str([values[name] for _, values in exporter.served])
        deliveries = [(row[4], row[5]) for row in own if row[3] == "phantommesh_deliveries_total"]
        assert deliveries == [
            ('channel="slack",component="mesh"', float(k)) for k in range(1, len(exporter.served) + 1)
        ]
        assert {row[3] for row in own} == kept | {"phantommesh_deliveries_total"}
        times = sorted({row[0] for row in own})
        apart_ms = [(served_ns - at_ns) / 1e6 for at_ns, (served_ns, _) in zip(times, exporter.served, strict=True)]
        assert min(apart_ms) > -5.0  # stored with the time at which the scrape began, rounded
        assert max(apart_ms) < 200.0
    gone = [at for at in sorted({row[0] for row in found if row[2] == "automation-0"}) if ill_ns < at < well_ns]
    assert gone == []


def test_pages_are_halved_as_its_limit_of_samples_wants_and_nothing_is_lost(
    url: str, exporters: list[Exporter]
) -> None:
    start_ns = time.time_ns() - 60 * S
    scraped(exporters[0], 20)
    exporters[0].ill = exporters[1].ill = True
    found = stored(url, start_ns, exporters)
    assert len(found) == 4 * sum(len(exporter.served) for exporter in exporters) > 60


def test_its_clock_is_that_of_this_machine_and_its_refusals_are_one_line(url: str) -> None:
    with Prometheus(url) as client:
        clock = client.clock()
        assert abs(clock.offset_ns) <= clock.uncertainty_ns < S
        with pytest.raises(PrometheusError, match=r"HTTP 400: .*parse error") as caught:
            list(client.raw("{", 0, S))
    assert not caught.value.passing
    assert "\n" not in str(caught.value)
