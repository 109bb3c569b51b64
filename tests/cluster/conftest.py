"""One installation of the dev overlay for all tests of this folder. They come in the order of their files' names."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .installation import PLATFORM, STAGES, Installation, written_overlay
from .kubectl import Kubectl, NoClusterError, kubectl_of_the_cluster

HOST = "phantommesh.example"


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
def installation(
    kubectl: Kubectl, certificate: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """Applied, with a certificate; not waited for. PHANTOMMESH_WITHOUT names components whose images cannot be had."""
    require_nothing_there(kubectl)
    without = os.environ.get("PHANTOMMESH_WITHOUT", "").split()
    found = written_overlay(kubectl, tmp_path_factory.mktemp("overlay"), without)
    try:
        found.apply()
        kubectl(
            "create", "secret", "tls", "phantommesh-tls", "-n", PLATFORM,
            f"--cert={certificate[0]}", f"--key={certificate[1]}",
        )  # fmt: skip
        yield found
    finally:
        found.delete_what_is_left()


@pytest.fixture(scope="session")
def ready(installation: Installation) -> tuple[Installation, float]:
    """The installation once everything in it is ready, and the seconds that it took."""
    return installation, installation.await_ready(300)
