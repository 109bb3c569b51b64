"""Write the chart: `make chart`."""

import shutil
import tempfile
from pathlib import Path

from generate import variants
from generate.chart import files, write

ENVIRONMENTS = ("dev", "staging", "prod")


def made() -> dict[str, str]:
    """The chart's files as k8s/ says them now."""
    with tempfile.TemporaryDirectory() as folder:
        k8s = Path(folder) / "k8s"
        shutil.copytree(variants.K8S, k8s, ignore=shutil.ignore_patterns("charts", "secrets.env", "ingress-users"))
        for example in k8s.rglob("*.example"):
            example.with_suffix("").write_text(variants.without_guard(example.read_text()))
        rendered = {name: variants.rendered(k8s / "overlays" / name) for name in ENVIRONMENTS}
    return files(rendered, *variants.render_all())


if __name__ == "__main__":
    write(made())
