"""kubectl in a pod, with options about the connection: it must still ask the pod's own cluster."""

import json
import shutil
import socket
from pathlib import Path

import certifi
import pytest
from readiness.clients.kubernetes import kubectl, own_account
from readiness.clients.kubernetes.kubectl import Kubectl, KubectlError


@pytest.fixture
def pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """This process believes to be in a pod; the address of its API server, where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (tmp_path / "token").write_text("of-the-pod")
    shutil.copy(certifi.where(), tmp_path / "ca.crt")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(port))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(own_account, "ACCOUNT", tmp_path)
    monkeypatch.setattr(kubectl, "TOKEN", tmp_path / "token")
    kubectl._own_kubeconfig.cache_clear()
    return f"127.0.0.1:{port}"


def test_with_a_bound_on_the_request_the_pods_own_cluster_is_asked(pod: str) -> None:
    try:
        with pytest.raises(KubectlError, match=pod) as raised:
            Kubectl("dev", ("in-cluster",), "phantommesh-dev").get("pods")
        assert raised.value.kind == "unreachable"
        assert "from this pod" in str(raised.value)
        assert "localhost:8080" not in str(raised.value)
    finally:
        kubectl._own_kubeconfig.cache_clear()


def test_the_kubeconfig_names_the_tokens_file_and_holds_no_secret(pod: str, tmp_path: Path) -> None:
    path = own_account.own_kubeconfig(tmp_path)
    document = json.loads(path.read_text())
    assert document["clusters"][0]["cluster"]["server"] == f"https://{pod}"
    assert document["users"] == [{"name": "in-cluster", "user": {"tokenFile": str(tmp_path / "token")}}]
    assert "of-the-pod" not in path.read_text()
    assert path.stat().st_mode & 0o077 == 0


def test_an_address_of_ipv6_is_put_in_brackets(pod: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    document = json.loads(own_account.own_kubeconfig(tmp_path).read_text())
    assert document["clusters"][0]["cluster"]["server"] == "https://[fd00::1]:443"
