"""Commands that read the archive: verify, show, runs, report."""

import json
import sys
from typing import Any

import click

from readiness.cli.outcome import finish, in_one_line, with_home
from readiness.clients.home import Home
from readiness.model.verdict import EXIT_CODES, Decision


@click.command()
@click.argument("run_id", metavar="RUN")
@with_home
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def verify(home: Home, run_id: str, as_json: bool) -> None:
    """Re-hash every file of RUN and compute its decision again.

    Exit as the decision says (0, 2, 3) when it is confirmed; 3 when a file or the decision is not as sealed.
    """
    from readiness.stages.recompute import recompute
    from readiness.stages.run import Run

    with in_one_line():
        found = recompute(Run(home, run_id))
        decision = found.decision.decision if found.decision else None
        if as_json:
            facts: dict[str, Any] = {
                "run": run_id,
                "confirmed": not found.problems,
                "decision": decision,
                "files": found.files,
            }
            click.echo(json.dumps(facts | {"problems": found.problems}, indent=2))
        elif found.problems:
            for problem in found.problems:
                click.echo(problem, err=True)
            click.echo(f"run {run_id} is NOT confirmed: {len(found.problems)} problems")
        else:
            click.echo(f"run {run_id} is confirmed: {decision}; {found.files} files as they were sealed")
        sys.exit(EXIT_CODES[Decision.INCONCLUSIVE if found.problems or decision is None else decision])


@click.command()
@click.argument("run_id", metavar="RUN")
@with_home
@click.option("--json", "as_json", is_flag=True, help="Print the decision as JSON.")
def show(home: Home, run_id: str, as_json: bool) -> None:
    """Print the decision of RUN with every objective. Exit as the decision says."""
    from readiness.stages.decide import read_decision
    from readiness.stages.run import Run

    with in_one_line():
        this = Run(home, run_id)
        _ = this.plan  # says which runs there are when this is none of them
        finish(read_decision(this), as_json)


@click.command()
@with_home
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def runs(home: Home, as_json: bool) -> None:
    """List the runs of the archive, the latest last."""
    from readiness.clients.archive import ArchiveError, open_archive
    from readiness.stages.decide import read_decision
    from readiness.stages.run import Run

    with in_one_line():
        found, archive = [], open_archive(home)
        for run_id in archive.runs():
            this = Run(home, run_id)
            try:
                plan = this.plan
            except ArchiveError:
                continue  # a folder in which nothing was planned is no run
            try:
                word = str(read_decision(this).decision)
            except ArchiveError:
                word = "no decision"
            facts: dict[str, Any] = {"run": run_id, "created_at": plan.created_at, "environment": plan.environment.name}
            found.append(facts | {"profile": plan.profile, "scenarios": plan.scenario_names, "decision": word})
        found.sort(key=lambda item: str(item["created_at"]))
        if as_json:
            click.echo(json.dumps(found, indent=2))
            return
        for item in found:
            names = ",".join(item["scenarios"])
            click.echo(f"{item['run']}  {item['created_at']}  {item['profile']:5}  {names:20}  {item['decision']}")
        if not found:
            click.echo(f"no runs in {archive.place}", err=True)


@click.command()
@click.argument("run_id", metavar="RUN")
@with_home
def report(home: Home, run_id: str) -> None:
    """Print the path of RUN's report."""
    from readiness.stages.report import report_path
    from readiness.stages.run import Run

    with in_one_line():
        this = Run(home, run_id)
        _ = this.plan
        click.echo(report_path(this))
