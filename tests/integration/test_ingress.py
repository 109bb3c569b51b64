"""A platform with two ways in, each a server of its own: what the probes say of the ingress alone, and how the verify
stage and the doctor refuse one that does not serve."""

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import quote_plus

import pytest
from cluster_environment import cluster_environment
from ingress_parts import AUTHORIZATION, HOST, PASSWORD, ingress_at, made_certificate, set_variables
from interruptible_server import InterruptibleServer, Interruption, interruptible_server
from probing import RATE_HZ, probe_while
from readiness.analysis.interruption import interruption, interruptions, probing_problem
from readiness.checks.data_checks import check_data_set
from readiness.checks.great_expectations_run import Expectations
from readiness.checks.probe_checks import probing_complete
from readiness.clients.home import Home
from readiness.clients.ingress import way_in
from readiness.clients.kubernetes.doctor import ingress as doctor
from readiness.clients.kubernetes.doctor.ground import Ground
from readiness.clients.kubernetes.kubectl import Kubectl
from readiness.model.dataset import ScenarioEvidence
from readiness.model.document import to_json
from readiness.model.evidence import RUN_SCOPE, StageRef
from readiness.model.finding import Finding, FindingState
from readiness.model.ingress import Ingress
from readiness.model.kubernetes_environment import KubernetesEnvironment
from readiness.model.metric import PROBES
from readiness.model.probe_path import INGRESS_PATHS, probed_paths
from readiness.model.run import RunPlan
from readiness.model.verdict import Verdict
from readiness.stages import verify_ingress
from readiness.stages.run import Run
from readiness.stages.verify_ingress import SCENARIO, ingress_checks
from unit.report import report_examples as examples


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return made_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def service() -> Iterator[InterruptibleServer]:
    with interruptible_server() as running:
        yield running


@pytest.fixture
def outside(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[InterruptibleServer]:
    set_variables(monkeypatch)
    with interruptible_server(certificate, AUTHORIZATION) as running:
        yield running


def interrupted(
    service: InterruptibleServer, outside: InterruptibleServer, certificate: Path, kind: str
) -> tuple[ScenarioEvidence, Interruption]:
    """Both are probed; the ingress alone is away."""
    truths: list[Interruption] = []

    def act() -> None:
        outside.interrupt(kind, 0.6)
        truths.append(outside.interruption())

    through = way_in(ingress_at(outside.url, certificate), ())
    return probe_while(service.url, act, before_s=1.5, after_s=1.5, through=through), truths[0]


@pytest.mark.parametrize("kind", ["refuse", "hang", "503"])
def test_an_outage_of_the_ingress_is_one_of_its_paths_alone_with_the_truth_in_each_interval(
    service: InterruptibleServer, outside: InterruptibleServer, certificate: tuple[Path, Path], kind: str
) -> None:
    evidence, truth = interrupted(service, outside, certificate[0], kind)
    found = {(item.path, item.connection): item for item in interruptions(evidence)}
    assert tuple(found) == probed_paths(ingress=True)
    for (path, _), item in found.items():
        if path not in INGRESS_PATHS:
            assert item.low_s < 0.3 * truth.length_s
            assert item.failed == 0
            continue
        longest = max(item.outages, key=lambda outage: outage.low_s)
        assert longest.high_s is not None
        # What the machine does not run of server and prober meanwhile comes on top: nothing here runs by itself.
        assert longest.low_s <= truth.length_s + 0.05
        assert longest.high_s >= truth.length_s - 0.001
        assert longest.low_s > 0.5 * truth.length_s
    checks = (*check_data_set(Expectations(), evidence, PROBES, ()), *probing_complete(evidence, None))  # type: ignore[arg-type]
    assert [item for item in checks if item.verdict is not Verdict.PASS and item.check != "rate reached"] == []
    if not probing_problem(evidence):  # else this machine did not run the prober
        assert "through the ingress" in interruption(evidence, 0.95).note


def test_each_probe_through_the_ingress_proves_who_it_is_and_keeps_its_connection(
    service: InterruptibleServer, outside: InterruptibleServer, certificate: tuple[Path, Path]
) -> None:
    evidence, _ = interrupted(service, outside, certificate[0], "503")
    rows = evidence.probes
    assert rows is not None
    assert set(rows["status"]) == {200, 202, 503}
    took = (rows["done_ns"] - rows["sent_ns"]).astype("int64")
    through = rows["path"].isin(INGRESS_PATHS)
    by_kind = took[through].groupby(rows["connection"]).median()
    assert by_kind["reused"] < 0.7 * by_kind["new"]
    assert through.sum() > 0.4 * len(rows)
    assert len(rows) > 8 * RATE_HZ
    assert PASSWORD not in rows.to_csv()
    assert AUTHORIZATION not in rows.to_csv()


def test_paths_through_an_ingress_that_nobody_probed_are_missed(
    service: InterruptibleServer, outside: InterruptibleServer, certificate: tuple[Path, Path]
) -> None:
    evidence, _ = interrupted(service, outside, certificate[0], "503")
    assert evidence.probes is not None
    only = replace(evidence, probes=evidence.probes[~evidence.probes["path"].isin(INGRESS_PATHS)])
    (check,) = (item for item in probing_complete(only, None) if item.check == "every path probed")  # type: ignore[arg-type]
    assert check.verdict is Verdict.FAIL
    assert check.observed.count("ingress-") == 4
    assert interruption(only, 0.95).value is None
    assert "no probe of read through the ingress over new connections" in interruption(only, 0.95).note


def test_a_certificate_of_another_fails_every_probe_and_says_so(
    service: InterruptibleServer, tmp_path: Path, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_variables(monkeypatch)
    other = made_certificate(tmp_path, "another.example")
    with interruptible_server(other, AUTHORIZATION) as impostor:
        through = way_in(ingress_at(impostor.url, certificate[0]), ())
        rows = probe_while(service.url, lambda: None, through=through).probes
    assert rows is not None
    assert set(rows.loc[rows["path"].isin(INGRESS_PATHS), "error"]) == {"certificate"}
    assert set(rows.loc[~rows["path"].isin(INGRESS_PATHS), "error"]) == {""}


def with_ingress(folder: Path, ingress: Ingress) -> KubernetesEnvironment:
    environment = cluster_environment(folder)
    return environment.model_copy(update={"cluster": environment.cluster.model_copy(update={"ingress": ingress})})


def verified(folder: Path, ingress: Ingress, base_url: str = "http://127.0.0.1:1") -> list[dict[str, Any]]:
    """The checks that the verify stage makes of the ingress."""
    folder.mkdir(exist_ok=True)
    plan: RunPlan = examples.example_plan("failover", environment=with_ingress(folder, ingress))
    run = Run(Home(folder), plan.run_id)
    opened = run.archive.open_stage(run.run_id, StageRef(RUN_SCOPE, "plan"))
    (opened.folder / "run.json").write_bytes(to_json(plan))
    run.archive.seal(opened, outcome="done", reason="", inputs=[], rows={}, fingerprint={})
    return ingress_checks(run, {"base_url": base_url})


def looked_at(folder: Path, ingress: Ingress) -> Finding:
    environment = with_ingress(folder, ingress)
    ground = Ground(environment, Kubectl("dev", ("test",), "phantommesh-dev"), ())
    (found,) = doctor.ingress(ground)
    return found


@contextmanager
def audit_trail(rows: Callable[[], list[dict[str, Any]]]) -> Iterator[tuple[str, list[str]]]:
    """What a platform says that it has received, by its Service; the paths that it was asked for."""
    asked: list[str] = []

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            lines = [*rows(), {"end": True, "count": len(rows()), "last_seq": 1}]
            body = "".join(json.dumps(line) + "\n" for line in lines).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_healthy_api_through_the_ingress_is_verified(
    tmp_path: Path, outside: InterruptibleServer, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    ingress, sent = ingress_at(outside.url, certificate[0]), uuid.uuid4()
    monkeypatch.setattr(uuid, "uuid4", lambda: sent)
    with audit_trail(lambda: [{"event_id": str(sent), "action": "received"}]) as (base_url, asked):
        healthy, leads_here = verified(tmp_path, ingress, base_url)
    assert healthy == {
        "name": "API healthy through the ingress",
        "ok": True,
        "detail": f"{HOST} at {outside.url}: HTTP 200",
    }
    assert leads_here["ok"]
    assert quote_plus(SCENARIO) in asked[0]
    assert looked_at(tmp_path, ingress).state is FindingState.OK
    everybody = ingress_at(outside.url, None, unverified="a test believes any certificate")
    assert looked_at(tmp_path, everybody).state is FindingState.OK


def test_an_ingress_that_leads_to_another_platform_is_refused(
    tmp_path: Path, outside: InterruptibleServer, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answers well, and what it acknowledges is not here."""
    monkeypatch.setattr(verify_ingress, "_PATIENCE_S", 0.5)
    with audit_trail(lambda: [{"event_id": str(uuid.uuid4()), "action": "received"}]) as (base_url, asked):
        healthy, leads_here = verified(tmp_path, ingress_at(outside.url, certificate[0]), base_url)
    assert healthy["ok"]
    assert not leads_here["ok"]
    assert f"is not in the audit trail of {base_url}: another platform answers there" in leads_here["detail"]
    assert len(asked) > 1


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"password": {"env": "READINESS_INGRESS_USER"}}, "answers HTTP 401: it refuses the user or the password"),
        ({"user": None, "password": None}, "answers HTTP 401: it wants a user and a password"),
        ({"certificate": None}, "is not believed to be phantommesh.example (self-signed certificate); name who"),
        ({"host": "other.example"}, "is not believed to be other.example (Hostname mismatch"),
        ({"url": "https://127.0.0.1:1"}, "does not answer (Connection refused)"),
        ({"url": "https://192.0.2.1"}, "only loopback and 198.18.0.0/15 may be measured"),
        ({"user": {"env": "READINESS_NOWHERE"}}, "the variable READINESS_NOWHERE is not set here"),
    ],
)
def test_an_ingress_that_does_not_serve_is_refused_in_one_line(
    tmp_path: Path, outside: InterruptibleServer, certificate: tuple[Path, Path], changes: dict[str, Any], says: str
) -> None:
    ingress = ingress_at(outside.url, certificate[0], **changes)
    (found,), finding = verified(tmp_path, ingress), looked_at(tmp_path, ingress)
    assert not found["ok"]
    assert finding.state is FindingState.PROBLEM
    for line in (found["detail"], finding.says):
        assert says in line
        assert "\n" not in line
        assert PASSWORD not in line
    assert PASSWORD not in json.dumps(found)


def test_an_ingress_with_nobody_behind_it_is_refused_after_a_while_and_not_before(
    tmp_path: Path, outside: InterruptibleServer, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    ingress = ingress_at(outside.url, certificate[0])
    outside.interrupt("503", 1.0)
    assert verified(tmp_path / "late", ingress)[0]["ok"]  # it was waited for
    outside.interruption()
    monkeypatch.setattr(verify_ingress, "_PATIENCE_S", 0.3)
    outside.interrupt("503", 2.0)
    (found,) = verified(tmp_path / "never", ingress)
    assert not found["ok"]
    assert "answers HTTP 503: no replica is ready behind it" in found["detail"]
    assert looked_at(tmp_path, ingress).state is FindingState.OK  # before a deploy nobody need be there
    with suppress(ValueError):
        outside.interruption()


def test_what_speaks_no_tls_is_no_ingress(
    tmp_path: Path, service: InterruptibleServer, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_variables(monkeypatch)
    monkeypatch.setattr("readiness.clients.ingress._ANSWER_S", 1.0)
    ingress = ingress_at(service.url.replace("http:", "https:"), certificate[0])
    (found,) = verified(tmp_path, ingress)
    assert not found["ok"]
    assert looked_at(tmp_path, ingress).state is FindingState.PROBLEM
