"""Where things are: the project's folders, the home of the runs, the commands of this interpreter."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from readiness.clients.home import Home, find_home
from readiness.clients.stores.addresses import is_url

PROJECT = Path(__file__).resolve().parents[2]
"""The folder that holds include/, dags/ and scenarios/. Stages run with it as working directory."""

_AIRFLOWS_OWN = ("AIRFLOW", "_AIRFLOW", "__AIRFLOW")


def scenarios_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder with the scenario files: READINESS_SCENARIOS, else ``scenarios`` of the project."""
    return PROJECT / environ.get("READINESS_SCENARIOS", "scenarios")


def home_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder with archive and progress: READINESS_HOME, else ``.readiness`` of the project."""
    return PROJECT / environ.get("READINESS_HOME", ".readiness")


def home(environ: Mapping[str, str] = os.environ, archive: str | None = None) -> Home:
    """The same home, with the archive given, else that of READINESS_ARCHIVE where that is set. Raises HomeError."""
    elsewhere = archive or environ.get("READINESS_ARCHIVE", "")
    return find_home(
        home_folder(environ), elsewhere if is_url(elsewhere) or not elsewhere else str(PROJECT / elsewhere)
    )


def command(name: str) -> str:
    """The path of a console script that is installed beside this interpreter."""
    return str(Path(sys.executable).parent / name)


def stage_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of a stage: as found, without Airflow's own variables (its secrets among them), and with the
    output unbuffered so that the task's log follows the stage line by line."""
    kept = {name: value for name, value in environ.items() if not name.startswith(_AIRFLOWS_OWN)}
    return {**kept, "PYTHONUNBUFFERED": "1"}
