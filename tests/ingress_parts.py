"""An ingress for tests: a certificate made here, the passwords' variables, and what an environment file says of it."""

import base64
import subprocess
from pathlib import Path

import pytest
from readiness.model.ingress import Ingress

HOST, USER, PASSWORD = "phantommesh.example", "release", "a-secret-of-the-tests"
AUTHORIZATION = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
VARIABLES = {"READINESS_INGRESS_USER": USER, "READINESS_INGRESS_PASSWORD": PASSWORD}


def made_certificate(folder: Path, host: str = HOST) -> tuple[Path, Path]:
    """A certificate for the host, signed by itself, and its key."""
    made, key = folder / f"{host}.crt", folder / f"{host}.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}", "-keyout", str(key), "-out", str(made)],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    return made, key


def ingress_at(url: str, certificate: Path | None, /, **changes: object) -> Ingress:
    """As an environment file has it: with the variables' names, believing this certificate."""
    told = {
        "url": url, "host": HOST, "user": {"env": "READINESS_INGRESS_USER"},
        "password": {"env": "READINESS_INGRESS_PASSWORD"},
    } | ({"certificate": {"file": str(certificate)}} if certificate else {})  # fmt: skip
    return Ingress.model_validate(told | changes)


def set_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a user exports."""
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
