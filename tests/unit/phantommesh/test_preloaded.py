"""A program that begins as a copy of the supervisor is as if it had been started by itself."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from phantommesh.supervision.preloaded import MODULES, module_of

AS_CHILD = """
import os, signal, sys
from phantommesh.supervision.preloaded import PreloadingOptions, preload
preload()
print("what the supervisor had not written yet", end="")
for number in (signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, lambda *_: print("the supervisor's own handler", file=sys.stderr))
child = os.fork()
if child == 0:
    argv = [sys.executable, "-P", "-m", *sys.argv[1:]]
    PreloadingOptions().execve(sys.executable, argv, dict(os.environ, PLANTED="yes"))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def start(*program: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-c", AS_CHILD, *program]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


def test_only_the_platforms_own_programs_are_copies() -> None:
    assert module_of([sys.executable, "-P", "-m", "phantommesh.automation", "state", "0"]) == "phantommesh.automation"
    assert module_of([sys.executable, "-P", "-m", "json.tool"]) is None
    assert module_of(["/usr/bin/python3", "-P", "-m", "phantommesh.automation", "state", "0"]) is None
    assert module_of([sys.executable]) is None


@pytest.mark.parametrize("module", MODULES)
def test_it_ends_with_its_own_code_and_words(module: str, tmp_path: Path) -> None:
    index = () if module.endswith(("sink", "scaler")) else ("0",)
    copy = start(module, str(tmp_path), *index)
    by_itself = subprocess.run(
        [sys.executable, "-P", "-m", module, str(tmp_path), *index], capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert copy.returncode == by_itself.returncode == 1
    assert copy.stderr == by_itself.stderr
    assert copy.stderr.startswith(f"{tmp_path}: no run ")
    assert copy.stdout == "what the supervisor had not written yet"  # once, and by the supervisor


def test_another_program_is_executed() -> None:
    done = start("this")
    assert done.returncode == 0
    assert "Simple is better than complex." in done.stdout


def test_it_has_its_own_environment_arguments_and_signals(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "told.py").write_text(
        "import os, signal, sys\n"
        "if __name__ == '__main__':\n"
        "    is_default = signal.getsignal(signal.SIGHUP) == signal.SIG_DFL\n"
        "    print(os.environ['PLANTED'], sys.argv[1:], is_default, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    program = AS_CHILD.replace(
        "preload()\n", "import phantommesh.supervision.preloaded as p; p.MODULES += ('told',)\npreload()\n", 1
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "told", "one", "two"], capture_output=True, text=True, timeout=60, check=False
    )
    assert "yes ['one', 'two'] True" in done.stdout
    assert done.returncode == -signal.SIGTERM or done.returncode == 256 - signal.SIGTERM
    assert "the supervisor's own handler" not in done.stderr
