"""`readiness doctor`: can an environment be used; one line for each thing that was looked at."""

import json
import sys
from dataclasses import asdict

import click

from readiness.cli.outcome import HARNESS_FAILED, in_one_line


@click.command()
@click.option("--environment", "name", required=True, help="A file of scenarios/environments, without .yaml.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def doctor(name: str, as_json: bool) -> None:
    """Look at everything that an environment needs, before a run does. Nothing is changed.

    Exit 0: no problem was found. 1: a run would fail; each problem says what to do.
    """
    from readiness.clients.home import scenarios_folder
    from readiness.model.finding import FindingState
    from readiness.stages.doctor import findings
    from readiness.stages.plan import environment_named

    found = []
    with in_one_line():
        folder = scenarios_folder()
        environment = environment_named(folder, name)
        for finding in findings(environment, folder.parent):
            found.append(finding)
            if not as_json:
                click.echo(f"{finding.state:<8} {finding.check + ':':<11} {finding.says}")
    problems = sum(finding.state is FindingState.PROBLEM for finding in found)
    if as_json:
        report = {"environment": name, "usable": not problems, "findings": [asdict(finding) for finding in found]}
        click.echo(json.dumps(report, indent=2))
    else:
        click.echo(f"{len(found)} findings, {problems} problems{'' if problems else '; a run may begin'}")
    sys.exit(HARNESS_FAILED if problems else 0)
