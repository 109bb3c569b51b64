"""A command of the environment file that puts a fault in place or takes it back."""

import os
import subprocess
import sys
from pathlib import Path

LONGEST_S = 30.0


class FaultCommandError(Exception):
    """It could not be started, failed, or took too long; one line for people."""


def execute(command: tuple[str, ...]) -> None:
    """Run it to its end, LONGEST_S at most. ``{python}`` is the folder of this interpreter, which comes first on the
    search path, too. Raises FaultCommandError."""
    python = str(Path(sys.executable).parent)
    filled = [part.replace("{python}", python) for part in command]
    environment = os.environ | {"PATH": python + os.pathsep + os.environ.get("PATH", os.defpath)}
    try:
        done = subprocess.run(
            filled, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LONGEST_S,
            check=False,
        )  # fmt: skip
    except OSError as error:
        raise FaultCommandError(f"the command {filled[0]!r} cannot be started ({error.strerror})") from error
    except subprocess.TimeoutExpired as error:
        raise FaultCommandError(f"the command {filled[0]!r} did not end within {LONGEST_S:g} s") from error
    if done.returncode != 0:
        lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise FaultCommandError(
            f"the command {filled[0]!r} ended with code {done.returncode}: {lines[-1] if lines else ''}"
        )
