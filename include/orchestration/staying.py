"""An Airflow that stays up for a person: what is said, and when it ends."""

import select
import signal
import sys

from orchestration.airflow_home import USER, AirflowHome
from orchestration.services import AirflowServices


def stay_up(services: AirflowServices) -> None:
    """Keep the UI up until Ctrl-C, or until the terminal is gone: where no signal tells of that, it would stay for
    ever."""
    say(f"Airflow stays up: {login(services.home)}; Ctrl-C stops it")
    terminal = select.poll()
    terminal.register(sys.stdout, 0)  # a hang-up is always reported
    try:
        while not terminal.poll(1_000):
            services.check_alive()
        return
    except KeyboardInterrupt:
        say("stopping Airflow")


def login(home: AirflowHome) -> str:
    """Where a person finds it, and as whom they come in."""
    return f"{home.url} (user {USER}, password {home.password})"


def say(line: str) -> None:
    """To people; what programs read goes to stdout."""
    print(line, file=sys.stderr, flush=True)


def interrupt_on_signals() -> None:
    """SIGTERM and SIGHUP end the program as Ctrl-C does."""
    for name in ("SIGTERM", "SIGHUP"):
        signal.signal(getattr(signal, name), _interrupt)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
