"""How the Airflow of these tests reaches the cluster: as a member of the group that may run stages, and no more."""

import base64
import subprocess
from pathlib import Path

import yaml

from .kubectl import Kubectl, until

GROUP, _USER = "phantommesh:airflow", "airflow-of-tests"
CONTEXT = "test"
"""One of those that scenarios/environments/dev.yaml lets be used."""


def kubeconfig_of_airflow(kubectl: Kubectl, folder: Path) -> Path:
    """A kubeconfig with the one context CONTEXT, and a certificate for a day that the cluster signed for GROUP."""
    key, wanted, made = folder / "airflow.key", folder / "airflow.csr", folder / "airflow.crt"
    subprocess.run(
        ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(key),
         "-subj", f"/O={GROUP}/CN={_USER}", "-out", str(wanted)],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    made.write_bytes(_signed(kubectl, wanted.read_bytes()))
    config = kubectl.json("config", "view", "--minify", "--raw", "--flatten")
    config["users"] = [
        {"name": _USER, "user": {"client-certificate-data": _coded(made), "client-key-data": _coded(key)}}
    ]
    config["contexts"][0]["context"]["user"] = _USER
    config["contexts"][0]["name"] = config["current-context"] = CONTEXT
    path = folder / "kubeconfig"
    path.write_text(yaml.dump(config))
    path.chmod(0o600)
    return path


def _signed(kubectl: Kubectl, request: bytes) -> bytes:
    spec = {
        "request": base64.b64encode(request).decode(),
        "signerName": "kubernetes.io/kube-apiserver-client",
        "usages": ["client auth"],
        "expirationSeconds": 86_400,
    }
    kind = {"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "metadata": {"name": _USER}}
    kubectl("create", "-f", "-", text=yaml.dump(kind | {"spec": spec}))
    try:
        kubectl("certificate", "approve", _USER)

        def certificate() -> str:
            return str(kubectl.json("get", "csr", _USER)["status"].get("certificate", ""))

        until(certificate, 30, lambda: "the cluster has signed no certificate")
        return base64.b64decode(certificate())
    finally:
        kubectl("delete", "csr", _USER)


def _coded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
