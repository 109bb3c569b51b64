"""The environment file of these tests: dev.yaml with what production adds, Prometheus as the source of the metrics and
the ingress as a second way in. The stages' image and Airflow must read the same one."""

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
    """A copy of scenarios/ with that environment in it."""
    shutil.copytree(SCENARIOS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    path = folder / "environments" / "dev.yaml"
    environment = yaml.safe_load(path.read_text())
    environment["cluster"]["ingress"] = _INGRESS
    environment["observation"]["source"] = "prometheus"
    path.write_text(yaml.dump(environment, sort_keys=False))
