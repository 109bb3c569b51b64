"""The prober against the platform as it ships, a replica of which is killed by hand."""

import os
import signal
import time
from typing import Any

import pytest
from probing import probe_while
from readiness.analysis.interruption import interruptions
from readiness.model.dataset import ScenarioEvidence

SOURCE = "run-1/steady/probe"


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    time.sleep(1.5)  # what is probed: the time without the replica


@pytest.fixture(scope="module")
def probed(platform: Any) -> tuple[ScenarioEvidence, int]:
    """The evidence, and when the replica was killed (epoch ns)."""
    killed: list[int] = []

    def act() -> None:
        killed.append(time.time_ns())
        kill(platform.component("automation-1")["pid"])

    evidence = probe_while(platform.base_url, act, before_s=2.0, after_s=1.0)
    return evidence, killed[0]


def test_the_platform_answers_probes_of_every_path(probed: tuple[ScenarioEvidence, int]) -> None:
    evidence, killed_ns = probed
    assert evidence.probes is not None
    before = evidence.probes[evidence.probes["done_ns"] < killed_ns]
    served = before["status"].between(200, 299).groupby([before["path"], before["connection"]]).sum()
    assert len(served) == 4
    assert served.min() > 0
    assert set(before.loc[before["status"] > 0, "status"]) <= {200, 202, 429, 503}


def test_the_killed_replica_shows_as_failed_probes(probed: tuple[ScenarioEvidence, int]) -> None:
    evidence, killed_ns = probed
    assert evidence.probes is not None
    broken = evidence.probes[evidence.probes["error"].isin(["reset", "closed", "refused"])]
    assert (broken["done_ns"] > killed_ns).all()
    found = interruptions(evidence)
    assert len(found) == 4
    assert sum(item.failed for item in found) >= len(broken)


def test_every_acknowledged_write_probe_is_stored_and_disturbs_nobody(
    platform: Any, probed: tuple[ScenarioEvidence, int]
) -> None:
    evidence, _ = probed
    assert evidence.probes is not None
    writes = evidence.probes[evidence.probes["path"] == "write"]
    acknowledged = set(writes.loc[writes["status"] == 202, "event_id"])
    rows, last = platform.audit(f"source={SOURCE}")
    assert last["end"] is True
    received = [row["event_id"] for row in rows if row["action"] == "received"]
    assert acknowledged <= set(received)
    assert len(received) == len(set(received))
    assert set(received) <= set(writes["event_id"])
    assert {row["detail"]["level"] for row in rows if row["action"] == "assessed"} == {"low"}
    assert platform.deliveries(SOURCE) == []
