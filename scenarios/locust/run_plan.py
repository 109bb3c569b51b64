"""``python run_plan.py PLAN.json``: check a load plan, then become Locust and send it.

Exit 0: every scheduled arrival was handled. 1: ended early. 2: the plan cannot be run; each problem is a line.
"""

import contextlib
import os
import sys
from pathlib import Path

from load_plan import PlanError, read_plan
from suricata_traffic import TrafficError, read_recording

_NICE = -10
USAGE = "usage: run_plan.py PLAN.json"


def main(arguments: list[str]) -> int:
    """Replaces this process by Locust when the plan is sound."""
    if len(arguments) != 1:
        print(USAGE, file=sys.stderr)
        return 2
    path = Path(arguments[0]).resolve()
    try:
        for recording in read_plan(path).traffic:
            read_recording(recording)
    except PlanError as error:
        print("\n".join(error.problems), file=sys.stderr)
        return 2
    except TrafficError as error:
        print(error, file=sys.stderr)
        return 2
    _raise_priority()
    locustfile = Path(__file__).resolve().parent / "locustfile.py"
    command = [sys.executable, "-m", "locust", "-f", str(locustfile), "--headless", "--users", "1"]
    command += ["--spawn-rate", "1", "--only-summary", "--loglevel", "WARNING"]
    os.execve(sys.executable, command, os.environ | {"READINESS_LOAD_PLAN": str(path)})


def _raise_priority() -> None:
    """Run ahead of other processes where the system allows it (root does), so that what the target needs does not
    delay the schedule. Without the right to it the load is proven or not as it comes."""
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, _NICE)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
