"""Kill and pause on real processes of the test's own, and who is not hit."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from readiness.drills import disk
from readiness.drills.catalogue import FAULTS, TAKE_BACK, fault_of, take_back
from readiness.drills.disk import DiskFault
from readiness.drills.fault import Surroundings
from readiness.drills.journal import Journal, remove_leftovers
from readiness.drills.links import LinkFault
from readiness.drills.victims import DrillError, living, send, started
from readiness.model.drill import ACTIONS, DiskFull, Drill, DrillStep, Partition

SLEEP = [sys.executable, "-c", "import time; time.sleep(120)"]
SUPERVISOR = """
import subprocess, sys
from pathlib import Path
while True:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"])
    draft = Path(sys.argv[1] + ".draft")
    draft.write_text(str(child.pid))
    draft.rename(sys.argv[1])
    child.wait()
"""


@pytest.fixture
def processes() -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    begun: list[subprocess.Popen[bytes]] = []

    def begin() -> subprocess.Popen[bytes]:
        begun.append(subprocess.Popen(SLEEP))
        return begun[-1]

    yield begin
    for process in begun:
        process.kill()
        process.wait()


def status_of(*pids: int | None) -> dict[str, Any]:
    components = [
        {"component": "automation", "replica": f"automation-{number}", "pid": pid} for number, pid in enumerate(pids)
    ]
    return {"state": "ready", "components": components}


def around(*pids: int, taken: frozenset[str] = frozenset()) -> Surroundings:
    return Surroundings(lambda: status_of(*pids), lambda: taken)


def step(**keys: Any) -> DrillStep:
    return Drill.model_validate({"steps": [{"at": "0%", "component": "automation", **keys}]}).steps[0]


def wait_for(condition: Callable[[], Any]) -> Any:
    ends = time.monotonic() + 20
    while not (found := condition()):
        assert time.monotonic() < ends
        time.sleep(0.01)  # between two looks at the condition
    return found


def test_every_action_has_a_fault_and_every_leftover_a_way_back() -> None:
    assert {kind.model_fields["action"].annotation.__args__[0] for kind in FAULTS} == set(ACTIONS) - {"drain"}  # type: ignore[attr-defined]
    assert set(TAKE_BACK) == {"stopped", "link", "file", "command"}


def test_kill_ends_as_many_as_asked_and_no_other(processes: Callable[[], subprocess.Popen[bytes]]) -> None:
    first, second, third = processes(), processes(), processes()
    fault = fault_of(step(action="kill", replicas=2), around(first.pid, second.pid, third.pid))
    fault.aim()
    fault.inject()
    assert [process.wait(5) for process in (first, second)] == [-signal.SIGKILL, -signal.SIGKILL]
    assert third.poll() is None
    assert fault.describe() == "kill automation-0, automation-1 (KILL)"


def test_kill_with_a_time_ends_what_replaces_the_victim(tmp_path: Path) -> None:
    named = tmp_path / "pid"
    supervisor = subprocess.Popen([sys.executable, "-c", SUPERVISOR, str(named)])
    try:
        wait_for(named.is_file)
        surroundings = Surroundings(lambda: status_of(int(named.read_text())), frozenset)
        fault = fault_of(step(action="kill", **{"for": "10s"}), surroundings)
        fault.aim()
        fault.inject()

        def held() -> bool:
            fault.hold()
            return len(fault.victims) >= 4

        wait_for(held)
        pids = [victim.pid for victim in fault.victims]
        assert len(set(pids)) == len(pids)
        assert {victim.replica for victim in fault.victims} == {"automation-0"}
    finally:
        supervisor.kill()
        supervisor.wait()
        with_pid = int(named.read_text())
        if psutil.pid_exists(with_pid):
            os.kill(with_pid, signal.SIGKILL)


def test_whom_another_fault_holds_is_no_victim(processes: Callable[[], subprocess.Popen[bytes]]) -> None:
    first, second = processes(), processes()
    fault = fault_of(step(action="kill"), around(first.pid, second.pid, taken=frozenset({"automation-0"})))
    fault.aim()
    assert [victim.pid for victim in fault.victims] == [second.pid]


def test_dependency_down_ends_all(processes: Callable[[], subprocess.Popen[bytes]]) -> None:
    both = [processes(), processes()]
    fault = fault_of(step(action="dependency_down", **{"for": "1s"}), around(*(process.pid for process in both)))
    fault.aim()
    fault.inject()
    assert [process.wait(5) for process in both] == [-signal.SIGKILL] * 2


def test_a_process_that_got_the_id_of_a_victim_later_is_not_hit(
    processes: Callable[[], subprocess.Popen[bytes]],
) -> None:
    innocent = processes()
    since = started(innocent.pid)
    assert since is not None
    assert send(innocent.pid, since - 1, signal.SIGKILL) is False  # the victim had started earlier
    assert innocent.poll() is None
    assert send(innocent.pid, since, signal.SIGKILL) is True


@pytest.mark.parametrize("pid", [0, 1, os.getpid()], ids=["everybody", "the first", "himself"])
def test_nobody_signals_everybody_or_himself(pid: int) -> None:
    with pytest.raises(DrillError, match="none of the target's"):
        send(pid, started(pid) or 0.0, signal.SIGCONT)


def test_more_victims_than_there_are_is_refused_before_anything(
    processes: Callable[[], subprocess.Popen[bytes]],
) -> None:
    one = processes()
    for action in ({"action": "kill"}, {"action": "pause", "for": "1s"}):
        fault = fault_of(step(replicas=2, **action), around(one.pid))
        with pytest.raises(DrillError, match=r"2 replicas are to (end|stop) and 1 run"):
            fault.arm(status_of(one.pid, None))
    assert one.poll() is None


def test_a_pause_stops_and_its_leftover_lets_go_on(
    processes: Callable[[], subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    victim = processes()
    fault = fault_of(step(action="pause", **{"for": "5s"}), around(victim.pid))
    fault.aim()
    left, journal = fault.leftover(), Journal(tmp_path / "environment")
    assert left is not None
    journal.add("run-1/paused", fault.describe(), left)
    fault.inject()
    assert psutil.Process(victim.pid).status() == psutil.STATUS_STOPPED
    (found,) = remove_leftovers(Journal(tmp_path / "environment"), take_back)
    assert found["removed"] is True
    assert found["describe"] == "pause automation-0 for 5 s (of run-1/paused)"
    assert psutil.Process(victim.pid).status() != psutil.STATUS_STOPPED
    assert journal.entries() == ()


def test_a_leftover_of_a_process_that_is_gone_is_removed(
    processes: Callable[[], subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    victim = processes()
    (named,) = living(status_of(victim.pid), "automation")
    journal = Journal(tmp_path)
    journal.add("run-1/paused", "pause", {"kind": "stopped", "processes": [[named.pid, named.started]]})
    victim.kill()
    victim.wait()
    assert [item["removed"] for item in remove_leftovers(journal, take_back)] == [True]


@pytest.mark.parametrize("left", [{"kind": "magic"}, {"kind": "stopped"}, {"kind": "file", "path": "/etc/passwd"}])
def test_a_leftover_that_cannot_be_taken_back_stays_and_is_said(tmp_path: Path, left: dict[str, Any]) -> None:
    journal = Journal(tmp_path)
    journal.add("run-1/x", "something", left)
    (found,) = remove_leftovers(journal, take_back)
    assert found["removed"] is False
    assert found["error"]
    assert len(journal.entries()) == 1
    assert Path("/etc/passwd").exists()


def test_a_damaged_journal_is_named(tmp_path: Path) -> None:
    (tmp_path / "drill-journal.json").write_text("{")
    with pytest.raises(DrillError, match=r"drill-journal\.json: not a journal"):
        Journal(tmp_path).entries()


def test_a_link_that_the_target_does_not_have_is_refused() -> None:
    fault = LinkFault(partition(), around())
    with pytest.raises(DrillError, match="names no link automation:sink"):
        fault.arm(status_of() | {"links": [{"link": "automation:postgres", "admin_url": "http://127.0.0.1:1"}]})


def test_a_link_that_is_gone_has_no_fault() -> None:
    take_back({"kind": "link", "admin_url": "http://127.0.0.1:9"})


def test_a_link_elsewhere_is_not_called() -> None:
    with pytest.raises(DrillError, match=r"192\.0\.2\.1"):
        take_back({"kind": "link", "admin_url": "http://192.0.2.1:80"})


def partition() -> Partition:
    return Partition.model_validate({"at": "0%", "action": "partition", "between": ["automation", "sink"], "for": "1s"})


def test_a_shared_disk_is_not_filled(processes: Callable[[], subprocess.Popen[bytes]]) -> None:
    one = processes()
    fault = fault_of(step(action="disk_full", **{"for": "1s"}), around(one.pid))
    with pytest.raises(DrillError, match="give the component a small file system of its own"):
        fault.arm(status_of(one.pid))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own that can be filled without harm."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"this user may not mount a file system to fill: {mounted.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_disk_of_its_own_is_filled_and_its_leftover_is_removed(small_disk: Path) -> None:
    assert disk.why_not(small_disk) == ""
    server = subprocess.Popen(SLEEP, cwd=small_disk)
    try:
        fault = DiskFault(
            DiskFull.model_validate({"at": "0%", "action": "disk_full", "component": "automation", "for": "1s"}),
            around(server.pid),
        )
        fault.aim()
        left = fault.leftover()
        assert left is not None
        fault.inject()
        with pytest.raises(OSError, match="No space left"):
            (small_disk / "more").write_bytes(bytes(4096))
        take_back(left)
        (small_disk / "more").write_bytes(bytes(4096))
        fault.restore()  # gone already
    finally:
        server.kill()
        server.wait()
