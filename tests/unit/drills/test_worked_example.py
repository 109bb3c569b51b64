"""The worked example in CONTRIBUTING.md ("Add a drill") does what it says."""

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any, Literal

import psutil
import pytest
from pydantic import Field
from readiness.drills.fault import Leftover, Surroundings
from readiness.drills.victims import DrillError, Status, Victim, is_there, living
from readiness.model.drill import Lasts, Step
from readiness.model.written import Slug

GUIDE = Path(__file__).parents[3] / "CONTRIBUTING.md"
OFFERED = {
    "Literal": Literal, "Field": Field, "Lasts": Lasts, "Step": Step, "Slug": Slug, "Leftover": Leftover,
    "Surroundings": Surroundings, "Status": Status, "Victim": Victim, "DrillError": DrillError, "living": living,
    "is_there": is_there, "psutil": psutil, "__name__": "worked_example",
}  # fmt: skip


@pytest.fixture
def example() -> dict[str, Any]:
    section = GUIDE.read_text().split("## Add a drill")[1].split("\n## ")[0]
    found = dict(OFFERED)
    for block in re.findall(r"```python\n(.*?)```", section, re.DOTALL):
        exec(textwrap.dedent(block), found)  # noqa: S102  the project's own guide
    return found


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core is all that there is")
def test_the_example_puts_its_fault_in_place_and_takes_it_back(example: dict[str, Any]) -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    status = {"components": [{"component": "automation", "replica": "automation-0", "pid": process.pid}]}
    try:
        step = example["OneCore"].model_validate(
            {"at": "0%", "action": "one_core", "component": "automation", "for": "1s"}
        )
        fault = example["OneCoreFault"](step, Surroundings(lambda: status, frozenset))
        before = psutil.Process(process.pid).cpu_affinity()
        fault.arm(status)
        fault.aim()
        left = fault.leftover()
        fault.inject()
        assert psutil.Process(process.pid).cpu_affinity() == before[:1]
        fault.restore()
        assert psutil.Process(process.pid).cpu_affinity() == before
        fault.inject()
        example["give_cores"](left)
        assert psutil.Process(process.pid).cpu_affinity() == before
    finally:
        process.kill()
        process.wait()
