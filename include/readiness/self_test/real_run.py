"""One run of a scenario of the self-test against a fake platform, through every real stage."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from readiness.clients.home import Home, scenarios_folder
from readiness.model.result import RunDecision
from readiness.stages.plan import Request, new_run_id, plan
from readiness.stages.run import Run, StageError
from readiness.stages.sequence import execute
from readiness.stages.sign_off import Answer

SCENARIOS = Path(__file__).parent / "scenarios"
ENVIRONMENT = "fake"
_STOP_S = 10.0
_FAKE = "readiness.self_test.fake_platform"
_ENVIRONMENT_FILE = """\
name: {name}
title: A fake platform of the self-test
driver: external
target: {{base_url: "{url}", deliveries_url: "{url}"}}
components:
  fake: {{replicas: 1, admin_urls: ["{url}"]}}
under_load: fake
observation: {{interval: 1s, max_gap: 2s}}
faults:
  kill: {{inject: ["{{python}}/python", -m, {module}, --tell, "{url}", kill]}}
start_timeout: 20s
"""


def real_run(scenario: str, planted: str, folder: Path, archive: str | None = None) -> tuple[Run, RunDecision]:
    """Start a fake with the planted fault, validate it, stop it. Home and files lie below ``folder``, the archive, too,
    unless it is elsewhere. Raises StageError when the run cannot even be planned."""
    with fake_platform(planted) as url, _scenarios(folder / "scenarios", url) as files:
        home = Home(folder / "home", archive)
        request = Request(ENVIRONMENT, (scenario,), files, requested_by="self-test")
        run_id = new_run_id(request)
        plan(home, run_id, request)
        run = Run(home, run_id)
        # What a stage fails with is in its seal, and so in the decision's reasons.
        return run, execute(run, lambda _: Answer("not required"), lambda _: None, lambda: None)


def environment_file(url: str) -> str:
    """The text of the environment file for a fake platform at this address."""
    return _ENVIRONMENT_FILE.format(name=ENVIRONMENT, url=url, module=_FAKE)


@contextlib.contextmanager
def fake_platform(planted: str) -> Iterator[str]:
    """The address of a fake that runs until the end of the block."""
    command = [sys.executable, "-m", _FAKE, "--fault", planted]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        try:
            url = process.stdout.readline().strip() if process.stdout else ""
            if not url:
                raise StageError(f"the fake platform did not start: {' '.join(command[1:])}")
            yield url
        finally:
            process.terminate()
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()


@contextlib.contextmanager
def _scenarios(folder: Path, url: str) -> Iterator[Path]:
    """A scenarios folder of the self-test's own scenarios, with the generator and the recorded traffic of the
    installation's; in force for this process and what it starts."""
    installed = scenarios_folder()
    (folder / "environments").mkdir(parents=True)
    for path in SCENARIOS.glob("*.yaml"):
        (folder / path.name).write_text(path.read_text())
    for shared in ("locust", "traffic"):
        if not (installed / shared).is_dir():
            raise StageError(f"{installed} has no {shared}/; start it where ./scenarios is, or set READINESS_SCENARIOS")
        (folder / shared).symlink_to((installed / shared).resolve())
    (folder / "environments" / f"{ENVIRONMENT}.yaml").write_text(environment_file(url))
    before = os.environ.get("READINESS_SCENARIOS")
    os.environ["READINESS_SCENARIOS"] = str(folder)
    try:
        yield folder
    finally:
        os.environ.pop("READINESS_SCENARIOS")
        if before is not None:
            os.environ["READINESS_SCENARIOS"] = before
