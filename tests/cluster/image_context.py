"""What the image of the stages is built from where the cluster cannot have every image of the dev overlay.

The stages roll out the manifests that their image holds, so these must be those that the cluster can run, and they read
the environment that it holds: ``python -m tests.cluster.image_context FOLDER`` writes the product with the environment
of these tests and without the components that PHANTOMMESH_WITHOUT names.
"""

import os
import shutil
import sys
from pathlib import Path

from .environment import write_scenarios
from .installation import K8S, adapt
from .kubectl import NoClusterError, kubectl_of_the_cluster

PARTS = ("include/readiness", "k8s", "pyproject.toml", "requirements-readiness.txt", ".dockerignore")


def write(folder: Path) -> None:
    """Copies of what the Dockerfile copies, with overlay and environment adapted to the cluster of KUBECONFIG."""
    for part in PARTS:
        source, target = K8S.parent / part, folder / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    write_scenarios(folder / "scenarios")
    adapt(kubectl_of_the_cluster(), folder / "k8s", os.environ.get("PHANTOMMESH_WITHOUT", "").split())


if __name__ == "__main__":
    try:
        write(Path(sys.argv[1]))
    except NoClusterError as error:
        sys.exit(str(error))
