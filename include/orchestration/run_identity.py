"""Names that both sides of a DAG run know: those inside Airflow, and those that follow it from outside."""

import hashlib
import re

ASK = "ask_for_sign_off"
"""Id of the task that waits for a person. Here, so that what follows a run from outside need not import Airflow."""
_LONGEST = 100
"""Characters of an id, as the engine takes them."""
_DIGEST = 8


def drill_series(environment: str) -> str:
    """What the run ids of an environment's drills begin with. No environment's name and no slug has a full stop in it,
    so that none of them is ever a release's."""
    return f"{environment}.drill"


def readiness_run_id(series: str, dag_run_id: str) -> str:
    """``<series>-<slug of the DAG run's id>``: lower case letters, digits and hyphens, fit to name a folder. The series
    is the environment's name, or ``drill_series`` of it.

    The same DAG run has the same id whenever it is asked. Where the slug lost something, eight hex digits of the id's
    sha256 are added, so that two DAG runs of a series never share one. The environment is part of it because
    Airflow's run ids are unique only within a DAG.
    """
    room = _LONGEST - len(series) - _DIGEST - 2
    slug = re.sub(r"[^a-z0-9]+", "-", dag_run_id.lower()).strip("-")[:room].strip("-")
    if slug != dag_run_id:
        digest = hashlib.sha256(dag_run_id.encode()).hexdigest()[:_DIGEST]
        slug = f"{slug}-{digest}" if slug else digest
    return f"{series}-{slug}"
