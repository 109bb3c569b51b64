"""A scenarios folder whose phases last seconds, for tests that go through a whole run."""

import os
from pathlib import Path

ROOT = Path(__file__).parents[1]


def short_scenarios(folder: Path, *, measure_s: float = 6.0, rate_per_min: int = 3000) -> Path:
    """The project's scenarios with a short, light steady; environment, traffic and generator are the project's own.
    For $READINESS_SCENARIOS."""
    folder.mkdir(parents=True)
    for shared in ("environments", "traffic", "locust"):
        (folder / shared).symlink_to(ROOT / "scenarios" / shared)
    for path in (ROOT / "scenarios").glob("*.yaml"):
        (folder / path.name).write_text(path.read_text())
    steady = (ROOT / "scenarios" / "steady.yaml").read_text()
    short = steady.replace("smoke: {warmup: 5s, measure: 60s, drain: 60s}",
                           f"smoke: {{warmup: 1s, measure: {measure_s:g}s, drain: 20s}}")  # fmt: skip
    short = short.replace("rate: 5000/min", f"rate: {rate_per_min}/min")
    # The upper end of its interval needs thousands of requests; that there is no error at all needs none more.
    short = short.replace('metric: error_rate, must: "< 0.1%"', 'metric: error_rate, must: "< 5%"')
    assert short != steady, "steady.yaml has changed its shape; this replacement must follow"
    (folder / "steady.yaml").write_text(short)
    return folder


def environment(folder: Path, home: Path) -> dict[str, str]:
    """The environment of a `readiness` process that uses these scenarios and this home. A proxy of the user's shell
    must not come between it and what it measures: there is one, and nothing answers there."""
    proxy = {"HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}
    return os.environ | proxy | {"READINESS_SCENARIOS": str(folder), "READINESS_HOME": str(home)}
