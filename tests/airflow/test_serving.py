"""``python -m orchestration.serve``: an Airflow for a person, with the DAGs of the environments in a cluster."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from orchestration.processes import descendants, stop_all
from orchestration.project import PROJECT
from readiness.clients.airflow import Airflow

_LOGIN = re.compile(r"stays up: (http://127\.0\.0\.1:\d+) \(user (\w+), password (\S+)\)")
CLUSTERS = ("dev", "staging", "prod")


@pytest.mark.timeout(300)
def test_it_has_the_dags_of_every_cluster_and_leaves_nothing_behind(tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("READINESS_")}
    argv = [sys.executable, "-m", "orchestration.serve", f"--home={tmp_path}"]
    env["PYTHONPATH"] = str(PROJECT / "include")
    with subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as served:
        try:
            assert served.stderr is not None
            said = [next(served.stderr), next(served.stderr)]
            found = _LOGIN.search(said[1])
            assert found, said
            with Airflow(found[1], found[2], found[3]) as airflow:
                while not all(airflow.last_parsed(f"release_validation_{name}") for name in CLUSTERS):
                    assert airflow.import_errors() == ()
                    time.sleep(0.2)
            started = descendants([served.pid])
            assert len(started) > 2
            served.send_signal(signal.SIGTERM)
            assert served.wait(60) == 0
            assert served.stderr.read() == "stopping Airflow\n"
        finally:
            left = descendants([served.pid])
            served.kill()
            stop_all(left, 5)
    assert [one for one in started if one.find()] == []
