"""The scenarios of these tests: the product's and those of ./scenarios, in an environment dev that has its metrics from
Prometheus, as production does. Image and Airflow must read the same.

PHANTOMMESH_PROBE_INGRESS=1, for the image and for the tests, names the ingress in it as well: verified, and probed by
every drill. Probes and Traefik take 0.8 of a core for that: a whole cluster on two cores has no time for it.
PHANTOMMESH_STAGE_NODES=KEY=VALUE, for both as well, names the nodes with that label and that taint as the stages' own.
"""

import os
import shutil
from pathlib import Path

import yaml

from .installation import HOST, PASSWORD, USER

SCENARIOS = Path(__file__).resolve().parents[2] / "scenarios"
SECRET = "readiness-ingress"  # noqa: S105  the name of one
VARIABLES = {"READINESS_INGRESS_USER": USER, "READINESS_INGRESS_PASSWORD": PASSWORD}
CERTIFICATE = "READINESS_INGRESS_CERTIFICATE"
_INGRESS = {
    "url": "https://traefik.traefik.svc",
    "host": HOST,
    "certificate": {"env": CERTIFICATE},
    "user": {"env": "READINESS_INGRESS_USER"},
    "password": {"env": "READINESS_INGRESS_PASSWORD"},
    "secret": SECRET,
}


def write_scenarios(folder: Path) -> None:
    """All of them, in a folder for READINESS_SCENARIOS."""
    shutil.copytree(SCENARIOS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(Path(__file__).parent / "scenarios", folder, dirs_exist_ok=True)
    path = folder / "environments" / "dev.yaml"
    environment = yaml.safe_load(path.read_text())
    if os.environ.get("PHANTOMMESH_PROBE_INGRESS"):
        environment["cluster"]["ingress"] = _INGRESS
    if own := os.environ.get("PHANTOMMESH_STAGE_NODES"):
        key, _, value = own.partition("=")
        environment["stages"]["nodes"] = {"labels": {key: value}, "taints": {key: value}}
    environment["observation"]["source"] = "prometheus"
    path.write_text(yaml.dump(environment, sort_keys=False))
