"""A sending as a process of its own, seen by who started it."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from instruments.outcome import Outcome
from instruments.plan import SendPlan

TESTS = Path(__file__).parents[1]
_GRACE_S = 60.0


@dataclass(frozen=True)
class Sending:
    """A started sending. start_ns: when its schedule begins (epoch)."""

    process: "subprocess.Popen[str]"
    plan: SendPlan
    outcome: Path
    start_ns: int

    def stop(self) -> None:
        """Send nothing that is not due yet; what left is still waited for."""
        self.process.send_signal(signal.SIGTERM)

    def finish(self) -> Outcome:
        """Wait for its end. Raises RuntimeError when it failed."""
        try:
            code = self.process.wait(self.plan.duration_s + self.plan.answer_timeout_s + _GRACE_S)
        finally:
            self.process.kill()
        if code != 0:
            raise RuntimeError(f"the sender ended with code {code}: {_said(self.outcome)}")
        return Outcome.read(self.outcome)


def start(plan: SendPlan, folder: Path) -> Sending:
    """Start sending; returns when the connections stand and the schedule is about to begin."""
    plan_file, outcome = folder / "plan.json", folder / "outcome.npz"
    outcome.unlink(missing_ok=True)
    plan.write(plan_file)
    search = os.pathsep.join([str(TESTS), str(TESTS.parent / "scenarios" / "locust")])
    with outcome.with_suffix(".said").open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "instruments", str(plan_file), str(outcome)],
            stdout=subprocess.PIPE, stderr=said, text=True, cwd=TESTS,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [search, os.environ.get("PYTHONPATH")]))},
        )  # fmt: skip
    assert process.stdout is not None
    line = process.stdout.readline()
    process.stdout.close()  # it says no more than this line
    if not line:
        process.wait()
        raise RuntimeError(f"the sender did not start: {_said(outcome)}")
    return Sending(process, plan, outcome, json.loads(line)["start_ns"])


def _said(outcome: Path) -> str:
    return outcome.with_suffix(".said").read_text(errors="replace")[-2000:]


def send(plan: SendPlan, folder: Path) -> Outcome:
    """Send a whole plan."""
    return start(plan, folder).finish()
