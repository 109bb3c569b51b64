"""Who is put first, who stands back, and who does not."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import os, sys
from readiness.clients import priority
if sys.argv[2:]:
    os.setuid(int(sys.argv[2]))
before = os.getpriority(os.PRIO_PROCESS, 0)
print(getattr(priority, sys.argv[1])() - before)
"""
NOBODY = 65534


def moved(step: str, *user: int) -> int:
    """By how much a process of this user takes itself back."""
    argv = [sys.executable, "-c", PROGRAM, step, *map(str, user)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60)
    return int(done.stdout)


def plain_user() -> list[int]:
    return [NOBODY] if os.geteuid() == 0 else []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may put its processes first")
def test_who_could_put_others_first_stays_as_it_is() -> None:
    assert moved("give_way") == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may put its processes first")
def test_who_keeps_times_comes_first() -> None:
    assert moved("raise_priority") == -15 - os.getpriority(os.PRIO_PROCESS, 0)


def test_who_could_not_stands_back() -> None:
    assert moved("give_way", *plain_user()) == 10


def test_who_may_not_come_first_runs_as_it_does() -> None:
    assert moved("raise_priority", *plain_user()) == 0
