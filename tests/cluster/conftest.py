"""One installation of the dev overlay for all tests of this folder. They come in the order of their files' names."""

import os
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import s3fs
from orchestration.services import AirflowServices

from .environment import CERTIFICATE, SECRET, VARIABLES
from .installation import HOST, PLATFORM, STAGES, Installation, let_pods_know, written_overlay
from .kubectl import Kubectl, NoClusterError, kubectl_of_the_cluster
from .loading import let_this_machine_in
from .validations import airflow_of_pods

ARCHIVE, ARCHIVE_SECRET = "s3://readiness/dev", "readiness-archive"  # as scenarios/environments/dev.yaml has them
_OF_PODS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION")
_FIGURES: dict[str, Any] = {}


@pytest.fixture(scope="session")
def kubectl() -> Kubectl:
    try:
        return kubectl_of_the_cluster()
    except NoClusterError as error:
        pytest.exit(str(error), 4)


def require_nothing_there(kubectl: Kubectl) -> None:
    """Neither namespace may be there: it may be somebody's."""
    for namespace in (PLATFORM, STAGES):
        if kubectl.run("get", "namespace", namespace).returncode == 0:
            pytest.exit(f"namespace {namespace} is there already; if nobody needs it: kubectl delete ns {namespace}", 4)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for HOST, signed by itself, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    made, key = folder / "tls.crt", folder / "tls.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}", "-keyout", str(key), "-out", str(made)],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    return made, key


@pytest.fixture(scope="session")
def installation(kubectl: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Not applied yet. PHANTOMMESH_WITHOUT names components whose images cannot be had."""
    require_nothing_there(kubectl)
    without = os.environ.get("PHANTOMMESH_WITHOUT", "").split()
    found = written_overlay(kubectl, tmp_path_factory.mktemp("overlay"), without)
    try:
        yield found
    finally:
        found.delete_what_is_left()


@pytest.fixture(scope="session")
def ready(installation: Installation, certificate: tuple[Path, Path]) -> tuple[Installation, float]:
    """The installation, applied with a certificate, once everything in it is ready, and the seconds that it took."""
    began_s = time.monotonic()
    installation.apply()
    installation.kubectl(
        "create", "secret", "tls", "phantommesh-tls", "-n", PLATFORM,
        f"--cert={certificate[0]}", f"--key={certificate[1]}",
    )  # fmt: skip
    installation.await_ready(300)
    return installation, time.monotonic() - began_s


@pytest.fixture(scope="session")
def url(kubectl: Kubectl) -> str:
    """Where Traefik takes HTTPS, by address: no name server knows HOST. READINESS_INGRESS names another place than the
    first node's port 30443."""
    node = kubectl.items("nodes")[0]["status"]["addresses"][0]["address"]
    return os.environ.get("READINESS_INGRESS", f"https://{node}:30443")


@pytest.fixture(scope="session")
def way_in(url: str, certificate: tuple[Path, Path]) -> Iterator[Any]:
    """A client that believes this one certificate, and its name, only."""
    trusted = ssl.create_default_context(cafile=str(certificate[0]))
    with httpx.Client(base_url=url, verify=trusted, headers={"Host": HOST}, timeout=10, trust_env=False) as client:
        yield lambda method, path, **more: client.request(
            method, path, extensions={"sni_hostname": HOST}, **more
        )  # fmt: skip


@pytest.fixture(scope="session")
def way_for_load(ready: tuple[Installation, float]) -> None:
    """This machine may send events, and read metrics and deliveries."""
    let_this_machine_in(ready[0].kubectl)


@pytest.fixture(scope="session")
def archive(kubectl: Kubectl, ready: tuple[Installation, float]) -> str:
    """The bucket, and the Secret by which the pods reach it. The AWS_* variables say how it is reached from here."""
    from_pods = os.environ.get("PHANTOMMESH_ARCHIVE_FROM_PODS", "")
    if not from_pods or not os.environ.get("AWS_ENDPOINT_URL_S3"):
        pytest.skip("AWS_* must name an S3 service, and PHANTOMMESH_ARCHIVE_FROM_PODS its address as seen from pods")
    s3fs.S3FileSystem(endpoint_url=os.environ["AWS_ENDPOINT_URL_S3"]).mkdirs("readiness", exist_ok=True)
    assert ready[0].unready() == []
    let_pods_know(
        kubectl, ARCHIVE_SECRET, {name: os.environ[name] for name in _OF_PODS} | {"AWS_ENDPOINT_URL_S3": from_pods}
    )
    return ARCHIVE


@pytest.fixture(scope="session")
def airflow(
    archive: str, certificate: tuple[Path, Path], kubectl: Kubectl, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AirflowServices]:
    """An Airflow whose stages are pods in the cluster. It takes processors: only the last tests ask for it."""
    let_pods_know(kubectl, SECRET, VARIABLES | {CERTIFICATE: certificate[0].read_text()})
    with airflow_of_pods(archive, kubectl, tmp_path_factory.mktemp("airflow")) as services:
        yield services


@pytest.fixture(scope="session")
def figures() -> dict[str, Any]:
    """What was measured; printed at the end."""
    return _FIGURES


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The figures, for docs/benchmarks.md."""
    if _FIGURES:
        terminalreporter.section("measured")
        for name, value in _FIGURES.items():
            terminalreporter.write_line(f"{name}: {value}")
