"""Who stands back, and who does not."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import os, sys
from readiness.clients.priority import give_way
if sys.argv[1:]:
    os.setuid(int(sys.argv[1]))
before = os.getpriority(os.PRIO_PROCESS, 0)
print(give_way() - before)
"""
NOBODY = 65534


def given_way(*user: int) -> int:
    argv = [sys.executable, "-c", PROGRAM, *map(str, user)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60)
    return int(done.stdout)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may put its processes first")
def test_who_could_put_others_first_stays_as_it_is() -> None:
    assert given_way() == 0


def test_who_could_not_stands_back() -> None:
    assert given_way(*([NOBODY] if os.geteuid() == 0 else [])) == 10
