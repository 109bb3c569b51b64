"""The account of the pod that this process runs in, in the form that kubectl takes beside any option."""

import json
import os
import tempfile
from pathlib import Path

from readiness.model.kubernetes_environment import IN_CLUSTER

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


def own_kubeconfig(folder: Path | None = None) -> Path:
    """A new kubeconfig of the pod's own account, in ``folder`` or that for temporary files. It names the token's file,
    which is renewed, and holds no secret.

    kubectl finds that account by itself only as long as no option says anything about the connection: with
    --request-timeout it asks localhost:8080 instead."""
    server = server_url()
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": IN_CLUSTER, "cluster": {"server": server, "certificate-authority": str(ACCOUNT / "ca.crt")}}
        ],
        "users": [{"name": IN_CLUSTER, "user": {"tokenFile": str(ACCOUNT / "token")}}],
        "contexts": [{"name": IN_CLUSTER, "context": {"cluster": IN_CLUSTER, "user": IN_CLUSTER}}],
        "current-context": IN_CLUSTER,
    }
    handle, name = tempfile.mkstemp(prefix="kubeconfig-", suffix=".json", dir=folder)
    with os.fdopen(handle, "w") as sink:
        json.dump(document, sink)
    return Path(name)


def server_url() -> str:
    """Where the pod's own cluster has its API server."""
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
