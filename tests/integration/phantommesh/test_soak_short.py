"""What `make soak` does many times over, a few times: the same code, and the figures that a busy machine cannot spoil.

Times are measured and shown; whether they are reached is for `make soak` on a quiet machine to say.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from instruments.running import RunningPlatform, running
from soak import database_kills, replay, replica_kills, rolling_restarts

RATE_PER_S = 100.0
# Generous bounds instead of the targets: what goes beyond them is broken, not slow.
GAP_MS, ORPHANS_S = 5_000.0, 10.0


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    """A platform as it ships."""
    with running(tmp_path_factory.mktemp("soak") / "state") as platform:
        yield platform


def check(figures: dict[str, float], targets: dict[str, float], *left_out: str) -> None:
    """Every figure is shown; those with a target that is not a time must reach it."""
    print("\n".join(f"{name}: {value:.3f}" for name, value in figures.items()))
    missed = {name: figures[name] for name in targets if name not in left_out and not figures[name] <= targets[name]}
    assert not missed


def test_killed_replicas_lose_nothing_and_do_nothing_twice(mesh: RunningPlatform, tmp_path: Path) -> None:
    figures = replica_kills.kill_replicas(mesh, tmp_path, 3, rate_per_s=RATE_PER_S)
    check(figures, replica_kills.TARGETS, "accept gap p99 ms", "orphans taken over, longest s")
    assert figures["kills"] == 3
    assert figures["events sent"] > 3 * RATE_PER_S
    assert figures["accept gap longest ms"] < GAP_MS
    assert figures["orphans taken over, longest s"] < ORPHANS_S


def test_a_killed_database_loses_nothing_and_comes_back(mesh: RunningPlatform, tmp_path: Path) -> None:
    figures = database_kills.kill_database(mesh, tmp_path, 1, rate_per_s=RATE_PER_S)
    check(figures, database_kills.TARGETS)
    assert figures["answered 503"] > 0


def test_a_rolling_restart_fails_no_request(mesh: RunningPlatform, tmp_path: Path) -> None:
    figures = rolling_restarts.restart_all(mesh, tmp_path, 1, rate_per_s=RATE_PER_S)
    check(figures, rolling_restarts.TARGETS)
    assert figures["events sent"] > RATE_PER_S


def test_the_same_event_gets_the_same_verdict_at_any_speed() -> None:
    figures = replay.replay(1_000)
    check(figures, replay.TARGETS)
    assert figures["verdicts of different content"] > 10, (
        "the alerts are too much alike for the comparison to mean much"
    )
