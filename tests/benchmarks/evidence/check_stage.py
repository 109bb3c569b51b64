"""The whole check stage of a full sustained run in a process of its own: 600,000 requests, and an hour of metrics of 8
processes, from the sealed evidence to the sealed result.

As a program (``check_stage.py HOME RUN``) it is that process and prints its figures as JSON.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from target import at_most

ROOT = Path(__file__).resolve().parents[3]
REQUESTS, SECONDS, PROCESSES, SERIES = 600_000, 3_600, 8, 75
SCENARIO, RUN_ID = "sustained", "20260921T120000Z-local-a1b2c3"
TARGETS = {"check s": at_most(20), "check peak MB": at_most(1_024)}


def measure(short: bool) -> dict[str, float]:
    """Wall and processor seconds and peak resident MB of the whole process, imports included."""
    with tempfile.TemporaryDirectory() as folder:
        _seal_run(Path(folder), 10 if short else 1)
        started_s = time.perf_counter()
        done = subprocess.run([sys.executable, __file__, folder, RUN_ID], check=True, stdout=subprocess.PIPE)
        took_s = time.perf_counter() - started_s
    found: dict[str, Any] = json.loads(done.stdout)
    errors, checks = found.pop("errors"), found.pop("data checks")
    if errors or checks < 50:
        raise RuntimeError(f"the check stage did not do its work: {checks} data checks; {'; '.join(errors)}")
    return {"check s": took_s} | found


def _seal_run(home: Path, shortened: int) -> None:
    """An archive with all that is collected before the check stage, of a run that went well."""
    from readiness.clients.archive import Archive
    from readiness.clients.home import Home
    from readiness.model.evidence import REQUIRED_FILES, RUN_SCOPE, StageRef
    from readiness.stages.plan import Request, plan

    from evidence.synthetic_run import write_ledger_sets, write_observed, write_replayed

    made = home / "made"
    made.mkdir()
    write_ledger_sets(made, REQUESTS // shortened, REQUESTS / SECONDS, source=f"{RUN_ID}/{SCENARIO}")
    write_observed(made, SECONDS // shortened, PROCESSES, SERIES)
    write_replayed(made, 200)
    (made / "plan.json").write_text("{}")
    (made / "deploy.json").write_text(json.dumps({"took_s": 1.0, "status": {"components": []}}))
    (made / "verify.json").write_text(json.dumps({"checks": []}))
    plan(Home(home), RUN_ID, Request("local", (SCENARIO,), ROOT / "scenarios", profile="full"))
    archive = Archive(Home(home).archive)
    refs = [StageRef(RUN_SCOPE, stage) for stage in ("deploy", "verify")]
    for ref in [*refs, *(StageRef(SCENARIO, stage) for stage in ("load", "observe", "collect", "replay"))]:
        stage = archive.open_stage(RUN_ID, ref)
        for name in REQUIRED_FILES[ref.stage]:
            shutil.move(made / name, stage.folder / name)
        archive.seal(stage)


def _process(home: Path, run_id: str) -> dict[str, Any]:
    import resource

    from readiness.clients.home import Home
    from readiness.stages.check import check
    from readiness.stages.run import Run

    result = check(Run(Home(home), run_id), SCENARIO)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    errors = [f"{item.dataset} {item.check}: {item.observed}" for item in result.data_checks if item.verdict == "ERROR"]
    return {
        "errors": errors, "data checks": len(result.data_checks), "check CPU s": usage.ru_utime + usage.ru_stime,
        "check peak MB": usage.ru_maxrss / 1024,
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(_process(Path(sys.argv[1]), sys.argv[2])))
