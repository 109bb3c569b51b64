"""The prober as it is, against real servers in processes of their own."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from interruptible_server import InterruptibleServer, Interruption, interruptible_server
from probing import RATE_HZ, TIMEOUT_S, probe_while
from readiness.analysis.interruption import interruptions
from readiness.checks.data_checks import check_data_set
from readiness.checks.great_expectations_run import Expectations
from readiness.checks.probe_checks import probing_complete
from readiness.clients.address import AddressError
from readiness.clients.probes.lanes import LANES
from readiness.clients.probes.prober import Prober
from readiness.model.dataset import ScenarioEvidence
from readiness.model.metric import PROBES
from readiness.model.verdict import Verdict


@pytest.fixture
def server() -> Iterator[InterruptibleServer]:
    with interruptible_server() as running:
        yield running


def interrupted(server: InterruptibleServer, kind: str, length_s: float) -> tuple[ScenarioEvidence, Interruption]:
    truths: list[Interruption] = []

    def act() -> None:
        server.interrupt(kind, length_s)
        truths.append(server.interruption())

    return probe_while(server.url, act, before_s=1.0, after_s=1.0), truths[0]


@pytest.mark.parametrize("kind", ["refuse", "hang"])
def test_an_outage_is_found_on_every_path_with_the_truth_in_its_interval(
    server: InterruptibleServer, kind: str
) -> None:
    evidence, truth = interrupted(server, kind, 0.6)
    found = interruptions(evidence)
    assert len(found) == len(LANES)
    for item in found:
        longest = max(item.outages, key=lambda outage: outage.low_s)
        assert longest.high_s is not None
        # What the machine does not run of server and prober meanwhile comes on top: nothing here runs by itself.
        assert longest.low_s <= truth.length_s + 0.05
        assert longest.high_s >= truth.length_s - 0.001
        assert item.failed >= (30 if kind == "refuse" else 1)


def test_new_connections_are_refused_while_kept_ones_go_on(server: InterruptibleServer) -> None:
    evidence, truth = interrupted(server, "refuse-new", 0.6)
    found = {(item.path, item.connection): item for item in interruptions(evidence)}
    for path in ("read", "write"):
        assert found[path, "new"].low_s > 0.5 * truth.length_s
        assert found[path, "reused"].failed <= 10  # those whose connection was made only then
        assert found[path, "reused"].low_s < 0.5 * truth.length_s


def test_the_samples_pass_their_data_checks(server: InterruptibleServer) -> None:
    evidence, _ = interrupted(server, "refuse", 0.3)
    checks = check_data_set(Expectations(), evidence, PROBES, ())
    assert [check for check in checks if check.verdict is not Verdict.PASS] == []
    assert len(checks) > 15
    named = {check.check: check.verdict for check in probing_complete(evidence, None)}  # type: ignore[arg-type]
    assert named["every path probed"] is Verdict.PASS


def test_a_probe_that_hangs_delays_no_other(server: InterruptibleServer) -> None:
    evidence, truth = interrupted(server, "hang", 0.8)
    assert evidence.probes is not None
    during = evidence.probes["intended_ns"].between(truth.start_ns, truth.end_ns)
    for _, rows in evidence.probes[during].groupby(["path", "connection"]):
        assert len(rows) > 0.8 * truth.length_s * RATE_HZ
    waited = (evidence.probes["done_ns"] - evidence.probes["sent_ns"])[evidence.probes["error"] == "timeout"]
    assert waited.min() >= TIMEOUT_S * 1e9
    assert len(waited) > 4 * 10


def test_nothing_is_tried_twice_and_every_write_is_an_event_of_its_own(server: InterruptibleServer) -> None:
    evidence, _ = interrupted(server, "refuse", 0.3)
    assert evidence.probes is not None
    writes = evidence.probes[evidence.probes["path"] == "write"]
    assert writes["event_id"].is_unique
    assert not writes["event_id"].eq("").any()
    assert evidence.probes.loc[evidence.probes["path"] == "read", "event_id"].eq("").all()


def test_a_kept_connection_is_used_again(server: InterruptibleServer) -> None:
    evidence, _ = interrupted(server, "hang", 0.01)
    assert evidence.probes is not None
    took = (evidence.probes["done_ns"] - evidence.probes["sent_ns"]).astype("int64")
    by_kind = took.groupby(evidence.probes["connection"]).median()
    assert by_kind["reused"] < by_kind["new"]


def test_nobody_else_is_probed() -> None:
    with pytest.raises(AddressError, match="only loopback"):
        Prober("http://192.0.2.1:80", "x", RATE_HZ, TIMEOUT_S)


def test_a_prober_that_is_told_to_stop_leaves_nothing_open(server: InterruptibleServer) -> None:
    prober = Prober(server.url, "run/probe", RATE_HZ, TIMEOUT_S)

    async def half_a_second() -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(0.5, stop.set)
        await prober.run(stop)

    before = len(list(Path("/proc/self/fd").iterdir()))
    asyncio.run(half_a_second())
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert all(row[5] is not None for row in prober.samples.rows())
    assert len(prober.samples) > 100


def test_a_server_that_was_stopped_where_it_was_is_an_outage() -> None:
    program = (
        "import http.server\n"
        "class H(http.server.BaseHTTPRequestHandler):\n"
        "    protocol_version = 'HTTP/1.1'\n"
        "    def do_GET(self):\n"
        "        self.send_response(200); self.send_header('Content-Length', '0'); self.end_headers()\n"
        "    def do_POST(self):\n"
        "        self.rfile.read(int(self.headers['Content-Length'])); self.do_GET()\n"
        "    def log_message(self, *_): pass\n"
        "s = http.server.ThreadingHTTPServer(('127.0.0.1', 0), H)\n"
        "print(s.server_port, flush=True)\n"
        "s.serve_forever()\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        port = int(process.stdout.readline())

        def freeze() -> None:
            process.send_signal(signal.SIGSTOP)
            time.sleep(0.4)  # the outage
            process.send_signal(signal.SIGCONT)

        evidence = probe_while(f"http://127.0.0.1:{port}", freeze, before_s=1.0, after_s=1.0)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    for item in interruptions(evidence):
        assert (item.high_s or 9) >= 0.39
        assert item.low_s >= 0.1
