"""Renders an overlay with kustomize, as `kubectl apply -k` does."""

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import yaml

K8S = Path(__file__).resolve().parents[2] / "k8s"
ENVIRONMENTS = ("dev", "staging", "prod")


def kubectl() -> str:
    """The one that the locked requirements brought, or another."""
    own = Path(sys.executable).parent / "kubectl"
    found = str(own) if own.is_file() else shutil.which("kubectl")
    assert found, "kubectl is not there; run: make setup"
    return found


def with_example_secrets(target: Path) -> Path:
    """A copy of k8s/ in which every ignored file of secrets is what its example says."""
    copy = target / "k8s"
    shutil.copytree(K8S, copy, ignore=lambda folder, names: {
        name for name in names if f"{name}.example" in names and Path(folder).name == "platform"})  # fmt: skip
    for example in copy.rglob("*.example"):
        shutil.copyfile(example, example.with_suffix(""))
    return copy


def render(folder: Path) -> list[dict[str, Any]]:
    """The objects of a kustomization. Fails with what kustomize says."""
    done = subprocess.run(
        [kubectl(), "kustomize", str(folder)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr  # it warns of what it will refuse one day
    return [item for item in yaml.load_all(done.stdout, yaml.CSafeLoader) if item]


@cache
def rendered(root: Path, environment: str) -> list[dict[str, Any]]:
    """The objects of an overlay. Not to be changed."""
    return render(root / "overlays" / environment)
