"""When a target is healthy: by its status, which says where to ask where replicas move, and by the replicas' word."""

from typing import Any

import pytest
from readiness.clients import platform_api
from readiness.clients.target_process import TargetError
from readiness.drills.health import Health

AT = "http://127.0.0.1"


def status(*ready: bool, state: str = "ready", port: int = 1) -> dict[str, Any]:
    parts = [
        {"component": "automation", "replica": f"automation-{index}", "admin_url": f"{AT}:{port + index}", "ready": one}
        for index, one in enumerate(ready)
    ]
    return {"state": state, "components": parts}


class Replicas:
    """What the replicas say: ``down`` are the addresses that give no answer."""

    def __init__(self) -> None:
        self.down: set[str] = set()
        self.depth = 0.0
        self.asked: list[str] = []

    def ready(self, url: str) -> int:
        self.asked.append(url)
        return 0 if url in self.down else 200

    def metric(self, url: str, _name: str) -> float:
        if url in self.down:
            raise platform_api.ApiError("no answer")
        return self.depth


class Target:
    """What the target's status is, in turn, the last one again and again."""

    def __init__(self, *answers: dict[str, Any] | Exception) -> None:
        self._answers, self.times = list(answers), 0

    def __call__(self) -> dict[str, Any]:
        self.times += 1
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def replicas(monkeypatch: pytest.MonkeyPatch) -> Replicas:
    found = Replicas()
    monkeypatch.setattr(platform_api, "AdminReader", lambda _timeout_s: found)
    return found


def health(target: Target, *, moves: bool) -> Health:
    found = Health(target, {"automation": 2}, frozenset({"automation"}), "automation", moves=moves)
    found.know(status(True, True))
    return found


def test_where_replicas_move_one_look_reads_the_status_once(replicas: Replicas) -> None:
    target = Target(status(True, True, port=5))
    assert health(target, moves=True).look() == ""
    assert target.times == 1
    assert replicas.asked == [f"{AT}:5", f"{AT}:6"]  # where the status says, not where they were


def test_a_replica_that_is_not_ready_yet_is_not_asked(replicas: Replicas) -> None:
    found = health(Target(status(True, False, state="degraded")), moves=True)
    assert found.look() == "1 of 2 automation are ready"
    assert replicas.asked == []


def test_a_status_that_says_ready_is_not_enough(replicas: Replicas) -> None:
    replicas.down = {f"{AT}:2"}
    assert health(Target(status(True, True)), moves=True).look() == "automation-1: /readyz gives no answer"
    replicas.down, replicas.depth = set(), 7.0
    assert "the queue holds 7 events" in health(Target(status(True, True)), moves=True).look()


def test_a_status_that_cannot_be_read_is_the_reason(replicas: Replicas) -> None:
    assert health(Target(TargetError("away")), moves=True).look() == "away"
    assert replicas.asked == []


def test_where_replicas_stay_their_word_comes_first(replicas: Replicas) -> None:
    target = Target(status(True, False, state="degraded"))
    found = health(target, moves=False)
    replicas.down = {f"{AT}:1"}
    assert found.look() == "automation-0: /readyz gives no answer"
    assert target.times == 0
    replicas.down = set()
    assert found.look() == "1 of 2 automation are ready"
