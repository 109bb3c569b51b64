"""The parts of orchestration that need no running Airflow."""

import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from orchestration import staying
from orchestration.airflow_home import AirflowHome, prepare
from orchestration.home_lock import HomeInUseError, home_lock
from orchestration.processes import ProcessIdentity, stop_all
from orchestration.project import PROJECT, stage_environment
from orchestration.run_identity import drill_series, readiness_run_id
from orchestration.sign_off import answer_arguments
from orchestration.stage_process import StageProcess
from orchestration.time_limits import sign_off_timeout, time_limits
from orchestration.trigger_form import plan_arguments, unknown_keys
from readiness.clients.home import checked_run_id
from readiness.spec.files import read_environment, read_scenario

CLEANS_UP = """
import signal, sys, time
def clean(*_):
    print("cleaned up", flush=True)
    sys.exit(1)
signal.signal(signal.SIGTERM, clean)
print("ready", flush=True)
time.sleep(60)
"""
DEAF = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""
LEAVES_A_CHILD = """
import subprocess, sys
print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]).pid, flush=True)
"""


def _start(program: str) -> StageProcess:
    return StageProcess([sys.executable, "-c", program], env=os.environ, cwd=Path.cwd())


@pytest.mark.parametrize(
    "dag_run_id",
    [
        "demo-1",
        "manual__2026-11-24T10:37:46.123456+00:00",
        "../../etc/passwd",
        "ÄÖ",
        "x" * 250,
        "scheduled__2026-11-24",
    ],
)
def test_a_run_id_is_one_that_the_engine_takes(dag_run_id: str) -> None:
    run_id = readiness_run_id("local", dag_run_id)
    assert checked_run_id(run_id) == run_id
    assert readiness_run_id("local", dag_run_id) == run_id
    assert checked_run_id(readiness_run_id("e" * 60, dag_run_id))


def test_different_dag_runs_have_different_run_ids() -> None:
    names = ["a-b", "a_b", "A-b", "a--b", "a:b", "", "x" * 200, "x" * 201]
    assert len({readiness_run_id("local", name) for name in names}) == len(names)
    assert readiness_run_id("local", "a-b") == "local-a-b"


def test_a_stage_that_is_terminated_cleans_up_and_its_last_lines_are_read() -> None:
    stage = _start(CLEANS_UP)
    lines = stage.lines()
    assert next(lines) == "ready"
    stage.terminate()
    assert list(lines) == ["cleaned up"]
    assert stage.wait() == 1


def test_a_stage_that_ignores_the_signal_is_killed_with_its_children() -> None:
    stage = _start(DEAF)
    child = ProcessIdentity.of(int(next(stage.lines())))
    assert child is not None
    stage.stop(grace_s=0.2)
    assert stage.wait() == -9
    end = time.monotonic() + 5
    while child.find() and time.monotonic() < end:
        time.sleep(0.05)
    assert child.find() is None


def test_a_process_that_a_stage_leaves_behind_does_not_keep_the_task_waiting() -> None:
    started = time.monotonic()
    stage = _start(LEAVES_A_CHILD)
    (pid,) = list(stage.lines())
    left = ProcessIdentity.of(int(pid))
    assert left is not None
    assert stop_all([left], 5) == 1
    assert time.monotonic() - started < 20


def test_a_pid_that_now_belongs_to_another_process_is_left_alone() -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        assert stop_all([ProcessIdentity(process.pid, 1.0)], 1) == 0
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


def test_a_stage_sees_nothing_of_airflow() -> None:
    found = stage_environment({
        "AIRFLOW__API_AUTH__JWT_SECRET": "s", "AIRFLOW_HOME": "h", "_AIRFLOW_X": "x", "READINESS_HOME": "r",
        "PATH": "p",
    })  # fmt: skip
    assert found == {"READINESS_HOME": "r", "PATH": "p", "PYTHONUNBUFFERED": "1"}


def test_airflow_sees_nothing_of_the_callers_environment(tmp_path: Path) -> None:
    home = prepare(tmp_path / "home")
    found = home.environment({
        "AIRFLOW__CORE__EXECUTOR": "X", "AIRFLOW__X__Y": "z", "HTTPS_PROXY": "p", "PYTHONPATH": "x", "HOME": "/nowhere",
        "READINESS_SCENARIOS": "s", "PATH": "/bin",
    })  # fmt: skip
    assert found["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"
    assert found["READINESS_SCENARIOS"] == "s"
    assert found["HOME"] == str(home.folder)
    assert found["PATH"].split(":") == [str(Path(sys.executable).parent), "/bin"]
    assert not {"AIRFLOW__X__Y", "HTTPS_PROXY"} & set(found)
    assert found["PYTHONPATH"] == str(PROJECT / "include")


def test_secrets_are_kept_and_only_their_owner_can_read_them(tmp_path: Path) -> None:
    first, second = prepare(tmp_path), prepare(tmp_path)
    assert first.password == second.password
    assert first.keys == second.keys
    assert first.password not in repr(first)
    for name in ("secrets.json", "passwords.json"):
        assert (first.folder / name).stat().st_mode & 0o077 == 0


def test_an_unknown_key_is_named_with_the_legal_ones() -> None:
    assert unknown_keys({"profile": 1}, ("scenarios", "profile")) == ""
    assert unknown_keys({"b": 1, "a": 1}, ("x", "y")) == "conf: unknown keys 'a', 'b'; legal are x, y"


def test_the_plan_is_asked_for_what_the_form_says() -> None:
    params = {"scenarios": ["b", "a"], "profile": "full", "replicas": 2, "sign_off": True, "version": ""}
    assert plan_arguments(params, environment="local", requested_by=None) == [
        "--environment=local", "--profile=full", "--replicas=2", "--scenario=b", "--scenario=a", "--sign-off",
    ]  # fmt: skip
    more = plan_arguments(params | {"version": "1.2", "sign_off": False}, environment="local", requested_by="--who")
    assert more[-3:] == ["--no-sign-off", "--version=1.2", "--requested-by=--who"]


SHOWN = "d" * 64
PERSON = {"id": "7", "name": "vera"}


def _answer(*chosen: str, by: Any = PERSON, comment: str | None = None) -> dict[str, Any]:
    at = SimpleNamespace(isoformat=lambda: "2026-11-24T10:00:00+00:00")
    return {"chosen_options": list(chosen), "params_input": {"comment": comment}, "responded_at": at,
            "responded_by_user": by}  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (None, "unasked"),  # the question failed, or was never put
        (_answer("Reject", by=None), "none"),  # nobody answered in time: the default, without a name
        (_answer("Approve", by=None), "none"),  # an approval by nobody is none
        (_answer("Approve"), "approve"),
        (_answer("Reject"), "reject"),
        (_answer("Approve", "Reject"), "reject"),
        (_answer(), "reject"),
    ],
)
def test_only_a_person_who_chose_approve_approves(answer: Any, word: str) -> None:
    assert answer_arguments(answer, SHOWN)[0] == f"--answer={word}"


def test_an_answer_to_nobody_knows_what_is_none() -> None:
    assert answer_arguments(_answer("Approve"), None) == ["--answer=unasked"]


def test_a_drills_run_is_never_taken_for_a_releases() -> None:
    assert readiness_run_id(drill_series("dev"), "a-b") == "dev.drill-a-b"
    assert checked_run_id(readiness_run_id(drill_series("e" * 60), "x" * 250))


def test_what_starts_pods_gets_the_callers_kubeconfig_wherever_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    home = prepare(tmp_path / "home", pods=True)
    found = home.environment({"KUBECONFIG": f"a.yaml:{tmp_path}/b.yaml", "PATH": "/bin"})
    assert found["KUBECONFIG"] == f"{tmp_path}/a.yaml:{tmp_path}/b.yaml"
    assert found["AIRFLOW__WORKERS__API_RETRIES"] == "10"
    local_settings = home.folder / "config" / "airflow_local_settings.py"
    assert "orchestration.preload" in local_settings.read_text()
    prepare(tmp_path / "home")
    assert not local_settings.exists()
    assert "KUBECONFIG" not in home.environment({"PATH": "/bin"})


def test_an_answer_carries_who_when_what_and_the_digest_that_was_shown() -> None:
    assert answer_arguments(_answer("Approve", comment="fine"), SHOWN)[1:] == [
        "--by=vera", "--answered-at=2026-11-24T10:00:00+00:00", "--comment=fine", f"--shown-digest={'d' * 64}",
    ]  # fmt: skip


def test_the_bounds_leave_room_for_the_longest_profile() -> None:
    folder = PROJECT / "scenarios"
    scenarios = [read_scenario(path) for path in sorted(folder.glob("*.yaml"))]
    limits = time_limits(read_environment(folder / "environments" / "local.yaml"), scenarios)
    assert timedelta(minutes=61) < limits.of("load") < timedelta(minutes=90)
    assert timedelta(minutes=2) < limits.of("collect") < timedelta(minutes=10)
    local, production = (
        time_limits(read_environment(folder / "environments" / f"{name}.yaml"), scenarios).of("collect")
        for name in ("local", "prod")
    )
    assert production - local >= timedelta(minutes=3)  # the metrics of an hour come from Prometheus
    # Deciding examines every scenario anew.
    assert timedelta(minutes=2 * len(scenarios)) < limits.of("decide") < timedelta(minutes=30)


def test_the_time_to_sign_off_is_four_hours_or_what_is_set() -> None:
    assert sign_off_timeout({}) == timedelta(hours=4)
    assert sign_off_timeout({"READINESS_SIGN_OFF_TIMEOUT_S": "15"}) == timedelta(seconds=15)
    for text in ("soon", "0", "-1", "nan", "inf"):
        with pytest.raises(ValueError, match="READINESS_SIGN_OFF_TIMEOUT_S"):
            sign_off_timeout({"READINESS_SIGN_OFF_TIMEOUT_S": text})


def test_a_home_has_one_owner(tmp_path: Path) -> None:
    second = home_lock(tmp_path / "airflow")
    with home_lock(tmp_path / "airflow"), pytest.raises(HomeInUseError, match=str(os.getpid())):
        second.__enter__()
    (tmp_path / "airflow" / "owner.pid").write_text("1\n")  # left by an owner that died
    with home_lock(tmp_path / "airflow"):
        assert (tmp_path / "airflow" / "owner.pid").read_text() == f"{os.getpid()}\n"


def _demo(*arguments: str, module: str = "demo") -> subprocess.CompletedProcess[str]:
    env = os.environ | {"PYTHONPATH": str(PROJECT / "include")}
    argv = [sys.executable, "-m", f"orchestration.{module}", *arguments]
    return subprocess.run(argv, env=env, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(("module", "says"), [("demo", "demo"), ("serve", "airflow")])
def test_a_second_airflow_in_the_same_home_is_refused_in_one_line(tmp_path: Path, module: str, says: str) -> None:
    with home_lock(tmp_path / "airflow"):
        done = _demo(f"--home={tmp_path}", module=module)
    assert done.returncode == 1
    assert done.stderr == (
        f"{says}: {tmp_path} is in use by process {os.getpid()}; wait until it ends, stop it, or name another --home\n"
    )


def test_a_scenario_that_there_is_not_is_refused_before_airflow_is_started(tmp_path: Path) -> None:
    done = _demo(f"--home={tmp_path}", "--scenario=stead")
    assert done.returncode == 1
    assert "no 'stead'" in done.stderr
    assert "steady" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_the_demo_ends_when_its_terminal_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    class Alive:
        home = AirflowHome(Path("x"), Path("x"), 1, "secret", {}, {})
        looks = 0

        def check_alive(self) -> None:
            self.looks += 1
            os.close(master)  # the window is closed

    master, slave = os.openpty()
    with os.fdopen(slave, "w") as terminal:
        monkeypatch.setattr(sys, "stdout", terminal)
        services = Alive()
        staying.stay_up(services)  # type: ignore[arg-type]
    assert services.looks == 1
