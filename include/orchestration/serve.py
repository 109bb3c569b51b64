"""``python -m orchestration.serve``: a local Airflow with the DAGs of every environment, until Ctrl-C.

It triggers nothing. Its processes have the caller's KUBECONFIG, READINESS_* and AWS_* variables, with which it starts
the stages of an environment in a cluster. Exit 0 stopped, 1 it did not start or died, 130 interrupted while it started.
"""

import sys
from pathlib import Path

import click
from readiness.clients.airflow import AirflowError

from orchestration.airflow_home import prepare
from orchestration.home_lock import HomeInUseError, home_lock
from orchestration.project import home_folder
from orchestration.services import AirflowServices, ServiceError
from orchestration.staying import interrupt_on_signals, say, stay_up

_INTERRUPTED = 130
_SAID = (HomeInUseError, ServiceError, AirflowError, OSError, ValueError)
"""Errors whose text is for people."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--home", type=click.Path(path_type=Path), help="Default: $READINESS_HOME, else ./.readiness.")
def main(home: Path | None) -> None:
    """Start a local Airflow with the DAGs of every environment, and keep it up until Ctrl-C."""
    interrupt_on_signals()
    folder = (home.expanduser() if home else home_folder()).absolute()
    try:
        with home_lock(folder / "airflow"):
            say("starting Airflow (about 15 s; the first time 20 s)")
            with AirflowServices(prepare(folder, pods=True)) as services:
                stay_up(services)
    except KeyboardInterrupt:
        say("interrupted; everything that was started has been stopped")
        sys.exit(_INTERRUPTED)
    except _SAID as error:
        say(f"airflow: {error}")
        sys.exit(1)


if __name__ == "__main__":
    main()
