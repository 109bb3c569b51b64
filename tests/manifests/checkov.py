"""Every environment against Checkov's rules: `make checkov`. Exits as it does: 0 when nothing fails."""

import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
VERSION = "checkov==3.3.30"


def main() -> int:
    """Render, then ask."""
    from manifests.rendering import ENVIRONMENTS, render, with_example_secrets

    with tempfile.TemporaryDirectory() as folder:
        k8s, target = with_example_secrets(Path(folder)), Path(folder) / "rendered"
        target.mkdir()
        for environment in ENVIRONMENTS:
            text = yaml.safe_dump_all(render(k8s / "overlays" / environment))
            (target / f"{environment}.yaml").write_text(text)
        command = ["uv", "tool", "run", "--from", VERSION, "checkov", "--config-file", str(ROOT / ".checkov.yaml")]
        return subprocess.run([*command, "-d", str(target)], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
