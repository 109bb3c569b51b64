"""``python -m phantommesh.threat_model.probe VERSION < model.txt``: whether a model can be loaded and scores.

A process of its own, because LightGBM does not refuse every bad text: at some it ends the process, and that must not
be a replica. ``Registry.promote`` asks here before it points at a model; the pointer then binds the very bytes.
"""

import subprocess
import sys

from phantommesh.threat_model.features import FEATURES
from phantommesh.threat_model.manifest import ModelError
from phantommesh.threat_model.scorer import Scorer

_PATIENCE_S = 30.0
_REFUSED = 1


def require_loadable(version: str, model: bytes) -> None:
    """Raises ModelError unless another process could load a model and score with it."""
    command = [sys.executable, "-P", "-m", "phantommesh.threat_model.probe", version]
    try:
        done = subprocess.run(command, input=model, capture_output=True, check=False, timeout=_PATIENCE_S)
    except subprocess.TimeoutExpired as error:
        raise ModelError(f"model {version}: does not load in {_PATIENCE_S:g} s; train or promote another") from error
    if done.returncode == _REFUSED:
        # The library may have written lines of its own before.
        raise ModelError(done.stderr.decode(errors="replace").strip().rpartition("\n")[2])
    if done.returncode != 0:
        raise ModelError(f"model {version}: LightGBM dies of it (exit {done.returncode}); train or promote another")


def _probe(version: str, model: bytes) -> None:
    scorer = Scorer(version, model, len(FEATURES))
    for value in (0.0, 1.0, -1.0, 1e9):
        score = scorer.score([value] * len(FEATURES))
        if not 0.0 <= score <= 1.0:
            raise ModelError(f"model {version}: scores {score}, which is no probability; train another")


if __name__ == "__main__":
    try:
        _probe(sys.argv[1], sys.stdin.buffer.read())
    except ModelError as refusal:
        print(refusal, file=sys.stderr)
        sys.exit(_REFUSED)
