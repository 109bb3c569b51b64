"""Programs of the platform that begin as a copy of the supervisor, in milliseconds.

Starting Python and importing what a replica needs takes more than a second of processor time. When a replica is killed
under load, its successor takes that second from those that still serve: on two cores clients saw it as a gap of 40 ms
and more, half a second *after* the kill. So the supervisor imports it all once, and a program of the platform is a fork
that runs its module, as if it had been started with ``python -m``; other programs are executed as ever.
"""

import gc
import importlib
import logging
import os
import runpy
import signal
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import NoReturn

import setproctitle
from supervisor.options import ServerOptions

MODULES = (
    "phantommesh.automation",
    "phantommesh.vpn_core",
    "phantommesh.sink",
    "phantommesh.links",
    "phantommesh.supervision.scaler",
)
"""Each is a package with a __main__, or a module, that does nothing when it is imported under its own name."""
_HANDLED = ("SIGTERM", "SIGQUIT", "SIGHUP", "SIGCHLD", "SIGUSR2")
"""Signals that supervisord takes and a new program must not."""
_FAILED = 1


def preload() -> None:
    """Import what the programs need. To be called once, before anything is forked and while there is one thread."""
    for name in MODULES:
        # It is run once more in the child, under another name; runpy warns of one that is there already.
        importlib.import_module(_main_of(name))
        del sys.modules[_main_of(name)]
    setproctitle.getproctitle()  # finds the place of the title, which takes an environment that was not touched
    # Objects that a collection never visits keep their memory pages shared.
    gc.collect()
    gc.freeze()


class PreloadingOptions(ServerOptions):  # type: ignore[misc]  # the library carries no types
    """supervisord's access to the system, where executing one of MODULES is running it here, in the forked child."""

    def execve(self, filename: str, argv: Sequence[str], env: Mapping[str, str]) -> None:
        """Become the program; returns never. Raises OSError if another program cannot be executed."""
        module = module_of(argv)
        if module is None:
            super().execve(filename, argv, env)
        else:
            _become(module, argv, env)


def _main_of(name: str) -> str:
    """The module that ``python -m NAME`` runs: of a package, its __main__."""
    return f"{name}.__main__" if hasattr(importlib.import_module(name), "__path__") else name


def module_of(argv: Sequence[str]) -> str | None:
    """The module that ``python -P -m MODULE ...`` would run, if it is one of MODULES and this Python."""
    if argv[:3] == [sys.executable, "-P", "-m"] and len(argv) > 3 and argv[3] in MODULES:
        return argv[3]
    return None


def _become(module: str, argv: Sequence[str], env: Mapping[str, str]) -> NoReturn:
    code = _FAILED
    try:
        code = _run(module, argv, env)
        logging.shutdown()
        sys.stdout.flush()
    finally:
        os._exit(code)  # never back into the supervisor's own code


def _run(module: str, argv: Sequence[str], env: Mapping[str, str]) -> int:
    """The exit code of the module, as the interpreter would give it."""
    try:
        _leave_the_supervisor(argv, env)
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        if ended.code is None or isinstance(ended.code, int):
            return ended.code or 0
        print(ended.code, file=sys.stderr)
        return _FAILED
    except BaseException:  # noqa: BLE001  as the interpreter does
        traceback.print_exc()
        return _FAILED
    return 0


def _leave_the_supervisor(argv: Sequence[str], env: Mapping[str, str]) -> None:
    """Nothing of it that a new program would not have."""
    for name in _HANDLED:
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(env)
    setproctitle.setproctitle(" ".join(argv))
    sys.argv = [*argv[3:]]
    # What the supervisor had not written yet is not for the program to write.
    sys.stdout = open(1, "w", closefd=False, encoding="utf-8")  # noqa: SIM115  as long as the process
    sys.stderr = open(2, "w", closefd=False, encoding="utf-8", errors="backslashreplace", buffering=1)  # noqa: SIM115
