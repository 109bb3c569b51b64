"""`readiness doctor` on a cluster that is one: what is set up can be used, and what people get wrong is one line."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from .airflow_access import CONTEXT
from .environment import CERTIFICATE, SECRET, VARIABLES
from .image_context import write
from .installation import PLATFORM, let_pods_know
from .kubectl import Kubectl

_READINESS = str(Path(sys.executable).parent / "readiness")
_ENVIRONMENT = "phantommesh.io/environment"
pytestmark = pytest.mark.usefixtures("archive")


@pytest.fixture(scope="module")
def project(kubectl: Kubectl, certificate: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the scenarios and the manifests that were applied."""
    let_pods_know(kubectl, SECRET, VARIABLES | {CERTIFICATE: certificate[0].read_text()})
    folder = tmp_path_factory.mktemp("project")
    write(folder)
    return folder


@pytest.fixture
def config(kubectl: Kubectl) -> Any:
    """The kubeconfig, its context under a name that the environment file knows."""
    return _renamed(kubectl.json("config", "view", "--minify", "--raw", "--flatten"), CONTEXT)


def _renamed(config: Any, context: str) -> Any:
    config["contexts"][0]["name"] = config["current-context"] = context
    return config


def _asked(project: Path, folder: Path, config: Any) -> tuple[int, list[dict[str, str]]]:
    """The exit code, and the findings."""
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(yaml.dump(config))
    kubeconfig.chmod(0o600)
    variables = {"KUBECONFIG": str(kubeconfig), "READINESS_SCENARIOS": str(project / "scenarios")}
    done = subprocess.run(
        [_READINESS, "doctor", "--environment", "dev", "--json"], env=os.environ | VARIABLES | variables,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.stdout, done.stderr
    found: list[dict[str, str]] = json.loads(done.stdout)["findings"]
    return done.returncode, found


def _assert_refused(asked: tuple[int, list[dict[str, str]]], check: str, says: str, remedy: str) -> None:
    code, found = asked
    (problem,) = (finding for finding in found if finding["state"] == "problem")
    assert (code, problem["check"]) == (1, check)
    assert says in problem["says"]
    assert remedy in problem["says"]
    assert "\n" not in problem["says"]


def test_what_is_set_up_can_be_used(project: Path, config: Any, tmp_path: Path) -> None:
    code, found = _asked(project, tmp_path, config)
    assert (code, [finding for finding in found if finding["state"] == "problem"]) == (0, [])
    certain = {finding["check"] for finding in found if finding["state"] == "ok"}
    assert {"context", "cluster", "kinds", "metrics", "namespace", "stages", "secrets", "rights", "quota",
            "networks"} <= certain  # fmt: skip


def test_the_nodes_of_the_stages_are_found_or_missed(
    project: Path, config: Any, kubectl: Kubectl, tmp_path: Path
) -> None:
    own = os.environ.get("PHANTOMMESH_STAGE_NODES")
    if not own:
        pytest.skip("PHANTOMMESH_STAGE_NODES names no nodes for the stages")
    key = own.partition("=")[0]
    names = [node["metadata"]["name"] for node in kubectl.items("nodes", f"--selector={own}")]
    _, found = _asked(project, tmp_path, config)
    assert f"the stages' pods go to {', '.join(names)}" in [finding["says"] for finding in found]
    try:
        for name in names:
            kubectl("label", "node", name, f"{key}-")
        _assert_refused(_asked(project, tmp_path, config), "stages", "no node has the labels", "kubectl label node")
    finally:
        for name in names:
            kubectl("label", "node", name, own)


def test_a_context_that_is_not_named_is_refused(project: Path, config: Any, tmp_path: Path) -> None:
    asked = _asked(project, tmp_path, _renamed(config, "somebodys"))
    _assert_refused(asked, "context", "somebodys is none that may be used", "kubectl config use-context")


def test_a_cluster_that_is_not_there_is_one_line(project: Path, config: Any, tmp_path: Path) -> None:
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    _assert_refused(_asked(project, tmp_path, config), "cluster", "does not answer", "is it up")


def test_a_kind_that_nobody_has_installed_is_named(
    project: Path, kubectl: Kubectl, config: Any, tmp_path: Path
) -> None:
    if kubectl.run("get", "crd", "certificates.cert-manager.io").returncode == 0:
        pytest.skip("cert-manager is in this cluster")
    path = project / "k8s" / "overlays" / "dev" / "platform" / "kustomization.yaml"
    before = path.read_text()
    changed = yaml.safe_load(before)
    changed["components"].append("../../../components/cert-manager")
    path.write_text(yaml.dump(changed))
    try:
        asked = _asked(project, tmp_path, config)
    finally:
        path.write_text(before)
    _assert_refused(asked, "kinds", "the cluster has no Certificate (cert-manager.io/v1)", "cert-manager: install it")


def test_a_quota_that_is_too_small_is_told(project: Path, kubectl: Kubectl, config: Any, tmp_path: Path) -> None:
    kubectl("create", "quota", "team", "--hard=pods=5", "-n", PLATFORM)
    try:
        asked = _asked(project, tmp_path, config)
    finally:
        kubectl("delete", "quota", "team", "-n", PLATFORM)
    _assert_refused(asked, "quota", "the quota team allows 5 in", "raise that quota")


def test_a_namespace_of_another_release_is_not_touched(
    project: Path, kubectl: Kubectl, config: Any, tmp_path: Path
) -> None:
    with _labelled(kubectl, "staging"):
        asked = _asked(project, tmp_path, config)
    _assert_refused(asked, "namespace", "belongs to another release", "name another one in the overlay")


@contextmanager
def _labelled(kubectl: Kubectl, environment: str) -> Iterator[None]:
    """The platform's namespace says meanwhile that it is of this environment."""
    before = kubectl.json("get", "namespace", PLATFORM)["metadata"]["labels"][_ENVIRONMENT]
    kubectl("label", "namespace", PLATFORM, f"{_ENVIRONMENT}={environment}", "--overwrite")
    try:
        yield
    finally:
        kubectl("label", "namespace", PLATFORM, f"{_ENVIRONMENT}={before}", "--overwrite")
