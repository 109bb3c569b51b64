"""Where kubectl is."""

import shutil
import sys
from pathlib import Path

from readiness.clients.target_process import TargetError


def kubectl_program() -> str:
    """The first on the search path, else the one of this installation. Raises TargetError."""
    own = Path(sys.executable).parent / "kubectl"
    found = shutil.which("kubectl") or (str(own) if own.is_file() else None)
    if found is None:
        raise TargetError("kubectl is not installed here; `make setup` brings it, and it may come from anywhere else")
    return found
