"""`readiness run`: every stage in one process, without Airflow."""

import getpass
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from readiness.cli.outcome import finish, in_one_line, uninterrupted, with_home
from readiness.cli.stage import request_options
from readiness.clients.home import Home, scenarios_folder
from readiness.clients.stores.store import StoreError

if TYPE_CHECKING:
    from readiness.stages.run import Run
    from readiness.stages.sign_off import Answer

_REFRESH_S = 0.5


@click.command()
@click.argument("scenarios", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Every scenario, one after the other, those without a fault first.")
@request_options
@with_home
@click.option("--json", "as_json", is_flag=True, help="Print the decision as JSON.")
def run(home: Home, scenarios: tuple[str, ...], every: bool, as_json: bool, **options: Any) -> None:
    """Run SCENARIOS (names of files in ./scenarios) from deploy to decision.

    Several are measured one after the other on the same target; each begins once that is in its steady state again.

    Exit 0 APPROVED, 2 REJECTED, 3 INCONCLUSIVE, 1 the harness failed.
    """
    from readiness.stages.plan import Request, every_scenario, new_run_id, plan
    from readiness.stages.run import Run, StageError
    from readiness.stages.sequence import execute

    if every == bool(scenarios):
        raise click.UsageError("name scenarios, or give --all, not both" if every else "name a scenario, or give --all")
    with in_one_line():
        scenarios = every_scenario(scenarios_folder()) if every else scenarios
        request = Request(scenarios=scenarios, folder=scenarios_folder(), requested_by=getpass.getuser(), **options)
        run_id = new_run_id(request)
        planned = plan(home, run_id, request)
        if planned.sign_off and not sys.stdin.isatty():
            raise StageError("a signature is asked for, but there is no terminal to ask on; sign in Airflow instead")
        click.echo(f"run {run_id}", err=True)
        this = Run(home, run_id)
        with _watched(home, run_id, planned.scenario_names):
            decision = execute(this, ask_on_terminal, _say, uninterrupted)
        _say_report(this)
        finish(decision, as_json)


def _say(line: str) -> None:
    click.echo(f"failed: {line}", err=True)


def _say_report(run: "Run") -> None:
    from readiness.stages.report import report_path

    try:
        click.echo(f"report {report_path(run)}", err=True)
    except StoreError as error:  # the decision, which is sealed, must still be said
        click.echo(f"report: {error}", err=True)


def ask_on_terminal(run: "Run") -> "Answer":
    """The signature of the person at the terminal, after what the evidence says has been shown."""
    from readiness.report.terminal import decision_text
    from readiness.stages.report import evidence_decision
    from readiness.stages.sign_off import Answer

    shown = evidence_decision(run)
    click.echo(decision_text(shown), err=True)
    _say_report(run)
    approved = click.confirm("Sign this evidence as approved?", default=False, err=True)
    return Answer(
        "approve" if approved else "reject",
        by=getpass.getuser(),
        answered_at=datetime.now(UTC).isoformat(timespec="seconds"),
        shown_digest=shown.evidence_digest,
    )


@contextmanager
def _watched(home: Home, run_id: str, scenarios: tuple[str, ...]) -> Iterator[None]:
    """Live progress while the body runs."""
    from readiness.clients import progress
    from readiness.report.terminal import LiveProgress

    ended = threading.Event()

    def follow() -> None:
        with LiveProgress(lambda: progress.read(home, run_id), scenarios) as live:
            while not ended.wait(_REFRESH_S):
                live.update()

    follower = threading.Thread(target=follow, daemon=True)
    follower.start()
    try:
        yield
    finally:
        ended.set()
        follower.join()
