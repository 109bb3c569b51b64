"""Every task of every run parses the DAG file again: it must stay cheap, and free of what only stages need."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
STAGES_ONLY = {
    "pandas", "numpy", "scipy", "pyarrow", "great_expectations", "matplotlib", "locust", "gevent", "kubernetes", "rich",
    "lightgbm", "phantommesh",
    "airflow.providers.cncf.kubernetes.operators.pod", "readiness.clients.airflow", "readiness.stages",
}  # fmt: skip
MEASURE = """
import json, runpy, sys, time
import airflow.sdk
from airflow.providers.standard.operators import hitl
before, start = set(sys.modules), time.process_time()
runpy.run_path(sys.argv[1])
print(json.dumps({"cpu_s": time.process_time() - start, "added": sorted(set(sys.modules) - before)}))
"""


DAG_FILES = sorted((PROJECT / "dags").glob("*.py"))


@pytest.fixture(scope="module", params=DAG_FILES, ids=lambda path: path.stem)
def parsed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    env = {"AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow")), "PYTHONPATH": str(PROJECT / "include")}
    argv = [sys.executable, "-c", MEASURE, str(request.param)]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=True, timeout=60)
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found | {"file": request.param.stem}


def test_parsing_imports_nothing_that_only_stages_need(parsed: dict[str, object]) -> None:
    added = parsed["added"]
    assert isinstance(added, list)
    assert f"orchestration.{parsed['file']}" in added
    assert STAGES_ONLY & set(added) == set()


def test_parsing_beside_airflow_takes_under_a_second_of_cpu(parsed: dict[str, object]) -> None:
    assert 0 < float(str(parsed["cpu_s"])) < 1.0


@pytest.mark.parametrize("path", DAG_FILES, ids=lambda path: path.name)
def test_a_dag_file_is_small_and_airflow_can_find_it(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 80
    # Airflow skips files without these two words.
    assert "airflow" in text.lower()
    assert "dag" in text.lower()


def test_the_demo_does_not_import_airflow() -> None:
    """Importing it reads the caller's AIRFLOW__ variables and writes into the caller's home: neither is ours."""
    program = "import sys, orchestration.demo; print([name for name in sys.modules if name.split('.')[0] == 'airflow'])"
    env = {"PYTHONPATH": str(PROJECT / "include")}
    argv = [sys.executable, "-c", program]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"
