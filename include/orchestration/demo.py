"""``python -m orchestration.demo``: one validated release, from an empty folder to a decision.

Starts a local Airflow, triggers ``release_validation_local``, shows the run live, prints the decision, and stops what
it started. Exit 0 APPROVED, 2 REJECTED, 3 INCONCLUSIVE, 1 the harness failed, 130 interrupted.
"""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from readiness.clients.airflow import AirflowError
from readiness.clients.archive import ArchiveError, open_archive
from readiness.clients.stores.store import StoreError
from readiness.model.document import from_json, to_json
from readiness.model.environment import Environment
from readiness.model.evidence import RUN_SCOPE, StageRef
from readiness.model.result import RunDecision
from readiness.model.scenario import Scenario
from readiness.model.verdict import EXIT_CODES
from readiness.report.terminal import decision_text
from readiness.spec.files import read_environment, read_scenario
from readiness.spec.problem import SpecError
from readiness.stages.report import REPORT, report_path
from readiness.stages.run import Run

from orchestration.airflow_home import prepare
from orchestration.following import FollowedRun, FollowError
from orchestration.home_lock import HomeInUseError, home_lock
from orchestration.project import PROJECT, command, home_folder, scenarios_folder, stage_environment
from orchestration.services import AirflowServices, ServiceError
from orchestration.staying import interrupt_on_signals, login, say, stay_up
from orchestration.time_limits import sign_off_timeout, time_limits

ENVIRONMENT = "local"
DAG_ID = f"release_validation_{ENVIRONMENT}"
_INTERRUPTED = 130
_SAID = (
    HomeInUseError, ServiceError, AirflowError, FollowError, ArchiveError, StoreError, OSError, ValueError,
)  # fmt: skip
"""Errors whose text is for people."""
_TEARDOWN_S = 60.0


@dataclass(frozen=True)
class Wanted:
    """What the command line asked for."""

    home: Path
    scenarios: tuple[str, ...]
    profile: str | None
    sign_off: bool
    replicas: int | None
    as_json: bool

    @property
    def conf(self) -> dict[str, Any]:
        """What the run is triggered with; what is left out has the default of the trigger form."""
        optional = {"profile": self.profile, "replicas": self.replicas}
        conf = {"scenarios": list(self.scenarios), "sign_off": self.sign_off}
        return conf | {key: value for key, value in optional.items() if value is not None}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--home", type=click.Path(path_type=Path), help="Default: $READINESS_HOME, else ./.readiness.")
@click.option("--profile", type=click.Choice(["smoke", "full"]), help="Default: the environment's.")
@click.option("--scenario", "scenarios", multiple=True, default=("steady",), show_default=True, help="May be repeated.")
@click.option("--sign-off", is_flag=True, help="Ask a person, in Airflow's UI, before the decision.")
@click.option("--replicas", type=click.IntRange(1, 9), help="Of the component under load.")
@click.option("--json", "as_json", is_flag=True, help="Print the decision as JSON.")
def main(home: Path | None, **options: Any) -> None:
    """Start a local Airflow, validate the release that is installed, and print the decision.

    On a terminal Airflow's UI stays up until Ctrl-C; otherwise everything is stopped. Exit 0 APPROVED, 2 REJECTED,
    3 INCONCLUSIVE, 1 the harness failed, 130 interrupted.
    """
    interrupt_on_signals()
    try:
        code = demonstrate(Wanted((home.expanduser() if home else home_folder()).absolute(), **options))
    except KeyboardInterrupt:
        say("interrupted; everything that was started has been stopped")
        code = _INTERRUPTED
    except SpecError as error:
        say(str(error))
        code = 1
    except _SAID as error:
        say(f"demo: {error}")
        code = 1
    sys.exit(code)


def demonstrate(wanted: Wanted) -> int:
    """The whole demonstration; the exit code."""
    deadline_s = _deadline_s(wanted)
    with home_lock(wanted.home / "airflow"):
        say("starting Airflow (about 15 s; the first time 20 s)")
        with AirflowServices(prepare(wanted.home)) as services:
            services.wait_for_dag(DAG_ID)
            say(f"Airflow: {login(services.home)}")
            now = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
            run = FollowedRun(services, ENVIRONMENT, DAG_ID, f"demo-{now}")
            with _torn_down(run):
                run.trigger(wanted.conf)
                say(f"run {run.run_id}: {run.url}")
                run.wait(deadline_s, lambda url: say(f"sign-off: answer at {url}"))
            code = _conclude(run, wanted.as_json)
            if sys.stdout.isatty():
                stay_up(services)
            return code


def _deadline_s(wanted: Wanted) -> float:
    """The sum of the stages' bounds. Raises SpecError, or ValueError for a scenario that there is not."""
    environment, scenarios = _specs()
    names = [scenario.name for scenario in scenarios]
    if unknown := [name for name in wanted.scenarios if name not in names]:
        raise ValueError(
            f"--scenario: there is no {unknown[0]!r} in {scenarios_folder()}; legal are {', '.join(names)}"
        )
    limits = time_limits(environment, scenarios).limit_s
    asking_s = sign_off_timeout().total_seconds() if wanted.sign_off else 0.0
    return sum(limits.values()) * len(wanted.scenarios) + asking_s


def _specs() -> tuple[Environment, list[Scenario]]:
    folder = scenarios_folder()
    scenarios = [read_scenario(path) for path in sorted(folder.glob("*.yaml"))]
    return read_environment(folder / "environments" / f"{ENVIRONMENT}.yaml"), scenarios


def _conclude(run: FollowedRun, as_json: bool) -> int:
    """Print the decision, or what kept it from being made; the exit code."""
    decision = _decision(run)
    failed = [task for task in run.failed_tasks() if decision is None or task.task_id not in ("decide", "close")]
    for task in failed[:1] if decision is None else failed:
        reason = run.reason(task)
        say(f"task {task.name} failed{f': {reason}' if reason else ''}; its log is {run.log_of(task)}")
    if decision is None:
        if not failed:
            say(f"the run ended without a decision; see {run.url}")
        return 1
    print(to_json(decision).decode().rstrip() if as_json else decision_text(decision), flush=True)
    if report := _report(run):
        say(f"report {report}")
    return EXIT_CODES[decision.decision]


def _decision(run: FollowedRun) -> RunDecision | None:
    ref = StageRef(RUN_SCOPE, "decide")
    archive = open_archive(run.home)
    if not archive.is_sealed(run.run_id, ref):
        return None
    return from_json(RunDecision, archive.file(run.run_id, ref, "decision.json").read_bytes())


def _report(run: FollowedRun) -> Path | None:
    return report_path(Run(run.home, run.run_id)) if open_archive(run.home).is_sealed(run.run_id, REPORT) else None


@contextmanager
def _torn_down(run: FollowedRun) -> Iterator[None]:
    """Whatever happens inside: the run has ended and the platform is stopped when this is left."""
    try:
        yield
    except KeyboardInterrupt:
        # Stopping has its own deadlines; an impatient second Ctrl-C would only leave something running.
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(name, signal.SIG_IGN)
        say("stopping the run and the platform (at most two minutes)")
        try:
            run.cancel()
        except (AirflowError, ServiceError) as error:
            say(f"Airflow could not stop the run ({error}); stopping the platform without it")
        raise
    finally:
        _teardown_directly(run)


def _teardown_directly(run: FollowedRun) -> None:
    """The teardown stage without Airflow, where Airflow's own did not succeed and there is something to stop."""
    try:
        if run.torn_down():
            return
    except AirflowError:
        pass  # it cannot be asked, so it is not known: teardown is safe when nothing runs
    try:
        if not open_archive(run.home).is_sealed(run.run_id, StageRef(RUN_SCOPE, "plan")):
            return
    except StoreError:
        pass  # likewise
    argv = [command("readiness"), "stage", "teardown", f"--run={run.run_id}", f"--home={run.home.root}"]
    done = subprocess.run(
        argv, env=stage_environment(run.services.home.environment()), cwd=PROJECT, timeout=_TEARDOWN_S,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, start_new_session=True,
    )  # fmt: skip
    if done.returncode != 0:
        say(f"teardown failed: {done.stderr.strip()}; try again: {' '.join(argv)}")


if __name__ == "__main__":
    main()
