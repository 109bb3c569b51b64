"""Where kubectl is."""

import os
import shutil
import sys
from pathlib import Path

from readiness.clients.target_process import TargetError


def kubectl_program() -> str:
    """What $READINESS_KUBECTL names, else the one of this installation, which is known to render k8s/ (an old one may
    crash on it), else the first on the search path. Raises TargetError."""
    own = Path(sys.executable).parent / "kubectl"
    named = os.environ.get("READINESS_KUBECTL")
    found = named or (str(own) if own.is_file() else shutil.which("kubectl"))
    if found is None:
        raise TargetError("kubectl is not installed here; `make setup` brings it, and it may come from anywhere else")
    return found
