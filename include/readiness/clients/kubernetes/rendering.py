"""The objects of an environment's overlay, as kustomize makes them. No cluster is asked.

The files of secrets are not in git, nor in an image: where one is not there its example takes its place. So a secret of
these objects is good for its name alone.
"""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from readiness.clients.kubernetes.programs import kubectl_program
from readiness.clients.target_process import TargetError

Object = dict[str, Any]
_ANSWER_S = 60.0
_NOTHING = "readiness-"  # removes an annotation that nothing has: only the output's format changes


def rendered(project: Path, overlay: str) -> tuple[Object, ...]:
    """``overlay``: relative to the project's folder, below a folder of its own (k8s/...). Raises TargetError."""
    if not (project / overlay).is_dir():
        raise TargetError(f"cluster.overlay: there is no folder {overlay} in {project.name}/; name one that is there")
    with tempfile.TemporaryDirectory(prefix="readiness-overlay-") as folder:
        top = Path(overlay).parts[0]
        copy = Path(folder) / top
        shutil.copytree(project / top, copy)
        for example in copy.rglob("*.example"):
            if not example.with_suffix("").exists():
                shutil.copyfile(example, example.with_suffix(""))
        text = _kubectl(overlay, ["kustomize", str(Path(folder) / overlay)], None)
        as_json = ["annotate", "--local", "--filename=-", _NOTHING, "--output=json"]
        return _objects(overlay, _kubectl(overlay, as_json, text))


def _kubectl(overlay: str, arguments: list[str], stdin: str | None) -> str:
    try:
        done = subprocess.run(
            [kubectl_program(), *arguments], input=stdin, capture_output=True, text=True, timeout=_ANSWER_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TargetError(f"{overlay} cannot be rendered ({error})") from error
    if done.returncode != 0:
        raise TargetError(f"{overlay} cannot be rendered: {_reason(done.stderr or done.stdout)}")
    return done.stdout


def _reason(said: str) -> str:
    """The line that says what is wrong: warnings may come before it, and a crash prints its stacks after it."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    named = [line for line in lines if line.lower().startswith(("error", "fatal", "panic", "runtime:"))]
    text = (named or lines or ["kubectl said nothing"])[0].removeprefix("error: ")[:400]
    crashed = f"; {kubectl_program()} crashed: take a newer one, `make setup` brings it" if "panic" in text else ""
    return text + crashed


def _objects(overlay: str, text: str) -> tuple[Object, ...]:
    """kubectl prints one JSON object after the other, without a comma."""
    decoder, found, at = json.JSONDecoder(), list[Object](), 0
    text = text.strip()
    try:
        while at < len(text):
            item, at = decoder.raw_decode(text, at)
            found.append(item)
            at += len(text[at:]) - len(text[at:].lstrip())
    except ValueError as error:
        raise TargetError(f"{overlay} cannot be rendered: kubectl printed no JSON ({error})") from error
    return tuple(found)
