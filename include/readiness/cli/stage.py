"""`readiness stage ...`: one stage of a run in a process of its own. This is what the DAGs call."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from readiness.cli.outcome import finish, in_one_line, print_json, uninterrupted, with_home
from readiness.clients.home import Home, scenarios_folder

F = TypeVar("F", bound=Callable[..., Any])
_ANSWERS = ("approve", "reject", "none", "not-required", "unasked")
_PHASES = click.option("--phases", required=True, type=click.Path(path_type=Path), help="The phase clock of the load.")


@click.group()
def stage() -> None:
    """Execute one stage of a run. Exit 0: done; 1: failed, with the reason in one line."""


def _of_run(command: F) -> F:
    return with_home(click.option("--run", "run_id", required=True, metavar="RUN", help="Id of the run.")(command))


def _of_scenario(command: F) -> F:
    return _of_run(click.option("--scenario", required=True, help="Name of one of the run's scenarios.")(command))


def request_options(command: F) -> F:
    """The options that say what a run is to do; shared with `readiness run`."""
    options = (
        click.option("--environment", default="local", show_default=True, help="File in scenarios/environments."),
        click.option("--profile", type=click.Choice(["smoke", "full"]), help="Default: the environment's."),
        click.option("--version", default="", help="Version under test; the run fails if another one answers."),
        click.option(
            "--sign-off/--no-sign-off",
            default=None,
            help="Ask for a signature; one that the environment demands stays.",
        ),
        click.option(
            "--replicas", type=click.IntRange(1, 9), help="Of the component under load; default: the environment's."
        ),
        click.option("--port", type=click.IntRange(0, 65535), default=0, help="Of the target; 0: a free one."),
        click.option("--seed", type=click.IntRange(0, 2**31 - 1), help="Of arrivals and traffic; default: a new one."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@stage.command()
@_of_run
@click.option("--scenario", "scenarios", multiple=True, required=True, help="Name of a scenario; may be repeated.")
@request_options
@click.option("--requested-by", default="", help="Who asked for the run.")
@click.option(
    "--purpose",
    type=click.Choice(["release", "drill"]),
    default="release",
    show_default=True,
    help="A drill gates nothing and is not signed.",
)
def plan(home: Home, run_id: str, scenarios: tuple[str, ...], **options: Any) -> None:
    """Freeze what was asked for."""
    from readiness.stages.plan import Request
    from readiness.stages.plan import plan as execute

    with in_one_line():
        execute(home, run_id, Request(scenarios=scenarios, folder=scenarios_folder(), **options))


def _execute(home: Home, run_id: str, name: str, *arguments: Any) -> Any:
    import importlib

    from readiness.stages.run import Run

    with in_one_line():
        return getattr(importlib.import_module(f"readiness.stages.{name}"), name)(Run(home, run_id), *arguments)


@stage.command()
@_of_run
def deploy(home: Home, run_id: str) -> None:
    """Take the environment and start the version under test."""
    _execute(home, run_id, "deploy")


@stage.command()
@_of_run
def verify(home: Home, run_id: str) -> None:
    """Check the steady state before any load."""
    _execute(home, run_id, "verify")


@stage.command()
@_of_scenario
def load(home: Home, run_id: str, scenario: str) -> None:
    """Send the scenario's load; observe, probe and drill the target beside it."""
    _known(home, run_id, scenario)
    _execute(home, run_id, "load", scenario)


@stage.command()
@_of_scenario
@_PHASES
def observe(home: Home, run_id: str, scenario: str, phases: Path) -> None:
    """Sample health and metrics beside a load; started by the load stage."""
    _known(home, run_id, scenario)
    _execute(home, run_id, "observe", scenario, phases)


@stage.command()
@_of_scenario
@_PHASES
def probe(home: Home, run_id: str, scenario: str, phases: Path) -> None:
    """Ask for an answer at a high, fixed rate beside a load; started by the load stage."""
    _known(home, run_id, scenario)
    _execute(home, run_id, "probe", scenario, phases)


@stage.command()
@_of_scenario
@_PHASES
def drill(home: Home, run_id: str, scenario: str, phases: Path) -> None:
    """Inject the scenario's faults beside a load and take them back; started by the load stage."""
    _known(home, run_id, scenario)
    _execute(home, run_id, "drill", scenario, phases)


@stage.command()
@_of_scenario
def collect(home: Home, run_id: str, scenario: str) -> None:
    """Read what the system kept of the scenario's events; where verdicts are compared, replay a sample of them."""
    from readiness.stages.run import Run
    from readiness.stages.sequence import collect_and_replay

    _known(home, run_id, scenario)
    with in_one_line():
        collect_and_replay(Run(home, run_id), scenario)


@stage.command()
@_of_scenario
def replay(home: Home, run_id: str, scenario: str) -> None:
    """Send a sample of the scenario's events again, now that it is quiet, and compare the verdicts."""
    _known(home, run_id, scenario)
    _execute(home, run_id, "replay", scenario)


@stage.command()
@_of_scenario
def check(home: Home, run_id: str, scenario: str) -> None:
    """Judge the scenario's evidence."""
    _known(home, run_id, scenario)
    _execute(home, run_id, "check", scenario)


@stage.command()
@_of_run
def report(home: Home, run_id: str) -> None:
    """Render the report; the last line printed is JSON with its path and the evidence digest."""
    print_json(_execute(home, run_id, "report"))


@stage.command("sign-off")
@_of_run
@click.option("--answer", type=click.Choice(_ANSWERS), required=True)
@click.option("--by", help="The person who answered.")
@click.option("--answered-at", help="When, ISO 8601 UTC.")
@click.option("--comment", help="What the person said.")
@click.option("--shown-digest", help="The evidence digest that the person was shown.")
def sign_off(home: Home, run_id: str, answer: str, **said: str | None) -> None:
    """Bind a person's answer to the evidence."""
    from readiness.stages.sign_off import Answer

    said = {name: value or None for name, value in said.items()}
    _execute(home, run_id, "sign_off", Answer(answer.replace("-", " "), **said))  # type: ignore[arg-type]


@stage.command()
@_of_run
@click.option("--json", "as_json", is_flag=True, help="Print the decision as JSON.")
def decide(home: Home, run_id: str, as_json: bool) -> None:
    """Say the word. Exit 0 APPROVED, 2 REJECTED, 3 INCONCLUSIVE."""
    finish(_execute(home, run_id, "decide"), as_json)


@stage.command()
@_of_run
def teardown(home: Home, run_id: str) -> None:
    """Stop the target and give the environment back."""
    uninterrupted()
    _execute(home, run_id, "teardown")


def _known(home: Home, run_id: str, scenario: str) -> None:
    from readiness.stages.run import Run, StageError

    with in_one_line():
        names = Run(home, run_id).plan.scenario_names
        if scenario not in names:
            raise StageError(f"run {run_id} has no scenario {scenario!r}; it has {', '.join(names)}")
