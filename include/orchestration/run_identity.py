"""The id of a readiness run, derived from the identity of the DAG run that executes it."""

import hashlib
import re

_LONGEST = 100
"""Characters of an id, as the engine takes them."""
_DIGEST = 8


def readiness_run_id(environment: str, dag_run_id: str) -> str:
    """``<environment>-<slug of the DAG run's id>``: lower case letters, digits and hyphens, fit to name a folder.

    The same DAG run has the same id whenever it is asked. Where the slug lost something, eight hex digits of the id's
    sha256 are added, so that two DAG runs of an environment never share one. The environment is part of it because
    Airflow's run ids are unique only within a DAG.
    """
    room = _LONGEST - len(environment) - _DIGEST - 2
    slug = re.sub(r"[^a-z0-9]+", "-", dag_run_id.lower()).strip("-")[:room].strip("-")
    if slug != dag_run_id:
        digest = hashlib.sha256(dag_run_id.encode()).hexdigest()[:_DIGEST]
        slug = f"{slug}-{digest}" if slug else digest
    return f"{environment}-{slug}"
