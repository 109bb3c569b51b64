"""Every environment against Checkov's rules, as `make test` and `make checkov` do. Exits as Checkov does: 0
when nothing fails.

Checkov and Airflow cannot be installed together: it has a virtual environment of its own, below the project's, made of
checkov.txt when that is new.
"""

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
LOCK = Path(__file__).with_name("checkov.txt")
HOME = ROOT / ".venv" / "checkov"
INSTALL_LIMIT_S = 900
ASK_LIMIT_S = 300


class CannotInstallError(Exception):
    """The package index did not give what checkov.txt names. The message is pip's."""


def installed() -> Path:
    """The program; made now when it is missing or of another lock. Raises CannotInstallError."""
    stamp, program = HOME / "of-this-lock", HOME / "bin" / "checkov"
    if stamp.is_file() and stamp.read_text() == LOCK.read_text():
        return program
    venv.create(HOME, with_pip=True, clear=True)
    command = [str(HOME / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
               "--require-hashes", "--no-deps", "-r", str(LOCK)]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_LIMIT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise CannotInstallError(f"pip was not done after {INSTALL_LIMIT_S} s") from error
    if done.returncode:
        raise CannotInstallError(done.stderr.strip()[-2000:])
    stamp.write_text(LOCK.read_text())
    return program


def ask(objects: dict[str, list[dict[str, object]]]) -> subprocess.CompletedProcess[str]:
    """Checkov's answer on the objects of each environment. Raises CannotInstallError."""
    program = installed()
    with tempfile.TemporaryDirectory() as folder:
        for environment, items in objects.items():
            (Path(folder) / f"{environment}.yaml").write_text(yaml.dump_all(items, Dumper=yaml.CSafeDumper))
        # Nothing of this process's own paths: Checkov must find its packages, not ours.
        variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        command = [str(program), "--config-file", str(ROOT / ".checkov.yaml"), "-d", folder]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=ASK_LIMIT_S, check=False, env=variables
        )  # fmt: skip


def main() -> int:
    """Render, then ask."""
    from manifests.rendering import ENVIRONMENTS, render, with_example_secrets

    with tempfile.TemporaryDirectory() as folder:
        k8s = with_example_secrets(Path(folder))
        rendered = {environment: render(k8s / "overlays" / environment) for environment in ENVIRONMENTS}
    try:
        done = ask(rendered)
    except CannotInstallError as error:
        print(f"Checkov cannot be installed: {error}", file=sys.stderr)
        return 2
    print(done.stdout, done.stderr, sep="\n")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
