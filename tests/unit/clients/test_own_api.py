"""What a pod reads and deletes with its own account: over TLS, with the token as it is now, and errors as kubectl's."""

import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cluster_environment import cluster_environment
from ingress_parts import made_certificate
from readiness.clients.kubernetes import faults, kubectl, own_api
from readiness.clients.kubernetes.kubectl import Kubectl, KubectlError
from readiness.clients.kubernetes.own_api import OwnApi
from readiness.clients.kubernetes.target import ClusterTarget

PODS = {"kind": "PodList", "items": [{"metadata": {"name": "automation-0"}}, {"metadata": {"name": "automation-1"}}]}
SERVICES = {"kind": "ServiceList", "items": [{"metadata": {"name": "automation"}}]}


class ApiServer(ThreadingHTTPServer):
    """Answers ``answers`` in turn, the last one again and again. ``asked``: token, path, connection; ``sent``: method
    and body of what is no GET."""

    def __init__(self, certificate: tuple[Path, Path]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*certificate)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.answers: list[tuple[int, object]] = []
        self.asked: list[tuple[str, str, int]] = []
        self.sent: list[tuple[str, object]] = []


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ApiServer

    def do_GET(self) -> None:
        """Whatever comes next."""
        self.server.asked.append((self.headers["Authorization"], self.path, self.client_address[1]))
        answers = self.server.answers
        status, found = answers.pop(0) if len(answers) > 1 else answers[0]
        body = found if isinstance(found, bytes) else json.dumps(found).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_DELETE(self) -> None:
        """As a GET."""
        length = int(self.headers["Content-Length"])
        self.server.sent.append(("DELETE", json.loads(self.rfile.read(length))))
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal."""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiServer]:
    """This process is in a pod whose API server this is."""
    certificate = made_certificate(tmp_path, "localhost")
    (tmp_path / "ca.crt").write_text(certificate[0].read_text())
    (tmp_path / "token").write_text("first\n")
    monkeypatch.setattr(own_api, "ACCOUNT", tmp_path)
    monkeypatch.setattr(kubectl, "TOKEN", tmp_path / "token")
    monkeypatch.setattr(kubectl, "_BETWEEN_S", 0.05)
    with ApiServer(certificate) as found:
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "localhost")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(found.server_port))
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
        threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield found
        found.shutdown()


def api() -> OwnApi:
    return OwnApi(Kubectl("dev", ("in-cluster",), "phantommesh-dev"))


def test_lists_come_over_one_connection_and_each_item_says_what_it_is(server: ApiServer) -> None:
    server.answers = [(200, PODS), (200, SERVICES)]
    found = api().items("pods", "services")
    assert [(item["kind"], item["metadata"]["name"]) for item in found] == [
        ("Pod", "automation-0"), ("Pod", "automation-1"), ("Service", "automation"),
    ]  # fmt: skip
    assert [path for _, path, _ in server.asked] == [
        "/api/v1/namespaces/phantommesh-dev/pods", "/api/v1/namespaces/phantommesh-dev/services",
    ]  # fmt: skip
    assert len({connection for *_, connection in server.asked}) == 1


def test_in_a_pod_the_status_is_read_so(server: ApiServer, tmp_path: Path) -> None:
    server.answers = [(200, {"kind": "PodList", "items": []}), (200, SERVICES)]
    assert ClusterTarget(cluster_environment(tmp_path), tmp_path).status()["state"] == "stopped"
    assert [path.rpartition("/")[2] for _, path, _ in server.asked] == ["pods", "services"]


def test_in_a_pod_the_drill_deletes_so_and_only_the_pod_of_that_uid(
    server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")  # no program can be started
    server.answers = [(200, {"kind": "Pod"})]
    assert faults.delete_pod(Kubectl("dev", ("in-cluster",), "phantommesh-dev"), "automation-0", "one", 0)
    assert [path for _, path, _ in server.asked] == ["/api/v1/namespaces/phantommesh-dev/pods/automation-0"]
    ((method, options),) = server.sent
    assert (method, options) == (
        "DELETE",
        {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": "one"}, "gracePeriodSeconds": 0},
    )


@pytest.mark.parametrize(
    ("status", "answer", "kind"),
    [
        (404, {"reason": "NotFound", "message": "pods automation-0 not found"}, ""),
        (409, {"reason": "Conflict", "message": "the UID in the precondition"}, ""),
        (403, {"reason": "Forbidden", "message": "pods is forbidden"}, "forbidden"),
        (200, b"<html>", "other"),
        (503, b"not now", "serviceunavailable"),
    ],
)
def test_only_a_pod_that_is_gone_is_no_error(server: ApiServer, status: int, answer: object, kind: str) -> None:
    server.answers = [(status, answer)]
    asking = Kubectl("dev", ("in-cluster",), "phantommesh-dev")
    if not kind:
        assert not faults.delete_pod(asking, "automation-0", "one", None)
        return
    with pytest.raises(KubectlError) as raised:
        faults.delete_pod(asking, "automation-0", "one", None)
    assert raised.value.kind == kind


def test_a_token_that_was_renewed_is_the_one_that_is_shown(server: ApiServer, tmp_path: Path) -> None:
    server.answers, reader = [(200, PODS)], api()
    reader.items("pods")
    (tmp_path / "token").write_text("second")
    reader.items("pods")
    assert [token for token, *_ in server.asked] == ["Bearer first", "Bearer second"]


@pytest.mark.parametrize(
    ("status", "answer", "kind", "words"),
    [
        (403, {"reason": "Forbidden", "message": "pods is forbidden"}, "forbidden", "readiness-rights"),
        (401, {"reason": "Unauthorized", "message": "Unauthorized"}, "unauthorized", "log in again"),
        (404, b"404 page not found", "other", "answered 404"),
        (200, {"kind": "Pod"}, "other", "answered 200"),
        (200, b"<html>", "other", "answered 200"),
        (200, ["no", "object"], "other", "answered 200"),
        (500, {"reason": "InternalError", "message": "etcd"}, "internalerror", "etcd"),
    ],
)
def test_what_is_no_list_is_told_as_kubectl_tells_it(
    server: ApiServer, status: int, answer: object, kind: str, words: str
) -> None:
    server.answers = [(status, answer)]
    with pytest.raises(KubectlError, match=words) as raised:
        api().items("pods")
    assert raised.value.kind == kind


@pytest.mark.parametrize("status", [429, 502, 503])
def test_a_server_that_cannot_now_is_asked_again(server: ApiServer, status: int) -> None:
    server.answers = [(status, b"not now"), (status, b"not now"), (200, PODS)]
    assert len(api().items("pods", patience_s=30)) == 2
    server.answers = [(status, b"not now")]
    with pytest.raises(KubectlError) as raised:
        api().items("pods")
    assert raised.value.kind == "serviceunavailable"


def test_a_server_that_is_away_is_named_and_what_to_ask(server: ApiServer) -> None:
    server.shutdown()
    server.server_close()
    with pytest.raises(KubectlError, match="the cluster from this pod does not answer") as raised:
        api().items("pods", patience_s=0.2)
    assert raised.value.kind == "unreachable"


def test_another_certificate_than_the_clusters_is_not_believed(server: ApiServer, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (tmp_path / "ca.crt").write_text(made_certificate(other, "localhost")[0].read_text())
    server.answers = [(200, PODS)]
    with pytest.raises(KubectlError, match="CERTIFICATE_VERIFY_FAILED"):
        api().items("pods")
    assert server.asked == []


@pytest.mark.parametrize(
    ("missing", "words"), [("token", "token is not in this pod"), ("ca.crt", "certificate is not")]
)
def test_a_pod_without_its_account_is_told_so(server: ApiServer, tmp_path: Path, missing: str, words: str) -> None:
    server.answers, reader = [(200, PODS)], api()
    assert reader._kubectl.context == "in-cluster"
    (tmp_path / missing).unlink()
    with pytest.raises(KubectlError, match=words) as raised:
        reader.items("pods")
    assert raised.value.kind == "refused"
