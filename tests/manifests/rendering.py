"""Renders an overlay with kustomize, as `kubectl apply -k` does."""

import hashlib
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import yaml

K8S = Path(__file__).resolve().parents[2] / "k8s"
ENVIRONMENTS = ("dev", "staging", "prod")
GUARD = "write-the-digests-then-remove-this-line"
"""By which kustomize refuses the example of a release."""


def kubectl() -> str:
    """The one that the locked requirements brought, or another."""
    own = Path(sys.executable).parent / "kubectl"
    found = str(own) if own.is_file() else shutil.which("kubectl")
    assert found, "kubectl is not there; run: make setup"
    return found


def with_example_secrets(target: Path) -> Path:
    """A copy of k8s/ in which every ignored file of secrets is what its example says, and a release has its digests."""
    copy = target / "k8s"
    shutil.copytree(K8S, copy, ignore=lambda folder, names: {
        name for name in names if f"{name}.example" in names and Path(folder).name == "platform"})  # fmt: skip
    for example in copy.rglob("*.example"):
        shutil.copyfile(example, example.with_suffix(""))
    for example in copy.glob("overlays/*/platform/release/*.example"):
        release = yaml.safe_load(example.read_text())
        del release[GUARD]
        for image in release["images"]:
            image["digest"] = digest(image.get("newName", image["name"]))
        example.with_suffix("").write_text(yaml.safe_dump(release))
    return copy


def digest(image: str) -> str:
    """One that a registry might have given to an image of this name."""
    return f"sha256:{hashlib.sha256(image.encode()).hexdigest()}"


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
