"""`readiness self-test`: does the gate catch what is planted, and let pass what is sound?"""

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from readiness.cli.outcome import in_one_line

if TYPE_CHECKING:
    from readiness.self_test.session import Watch
    from readiness.self_test.trying import Outcome

MISSED = 1


@click.command("self-test")
@click.option(
    "--only", multiple=True, metavar="FAULT", help="This fault alone; may be repeated; clean: the clean runs."
)
@click.option("--quick", is_flag=True, help="A subset that takes under two minutes.")
@click.option("--clean-runs", type=click.IntRange(0, 1000), help="Runs without a fault; default: 50, quick 2.")
@click.option("--jobs", type=click.IntRange(1, 16), default=2, show_default=True, help="How many runs at once.")
@click.option(
    "--keep", type=click.Path(path_type=Path), help="A new folder that keeps the evidence of what went wrong."
)
@click.option("--list", "listed", is_flag=True, help="Name the faults and end.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcomes as JSON.")
def self_test(
    only: tuple[str, ...], quick: bool, clean_runs: int | None, jobs: int, keep: Path | None, listed: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Plant faults one by one into a fake platform, into recorded evidence and into the harness, and see whether the
    gate names each; runs without a fault must be approved.

    Exit 0: all caught, no false alarm. 1: one was missed, or the self-test could not be made.
    """
    from readiness.self_test.session import chosen, run_session

    with in_one_line():
        trials = chosen(quick=quick, only=only, clean_runs=clean_runs)
        if listed:
            for trial in trials:
                click.echo(f"{trial.name:<18} {trial.title}")
            return
        with _folder(keep) as folder, _watched(len(trials)) as watch:
            outcomes = run_session(trials, folder, jobs, watch)
    if as_json:
        caught = all(outcome.caught for outcome in outcomes)
        click.echo(json.dumps({"caught": caught, "outcomes": [asdict(item) for item in outcomes]}, indent=2))
    else:
        click.echo(table(outcomes))
    sys.exit(0 if all(outcome.caught for outcome in outcomes) else MISSED)


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True)
        yield keep.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="readiness-self-test-") as folder:
        yield Path(folder)


@contextmanager
def _watched(count: int) -> "Iterator[Watch]":
    """On a terminal a bar, else a line for each outcome, both on standard error."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("self-test", total=count)

        def watch(outcome: "Outcome", left: int) -> None:
            bar.update(task, advance=1, description=f"self-test, last: {outcome.name}")
            if not console.is_terminal:
                word = "as it must" if outcome.caught else "MISSED"
                click.echo(f"{outcome.name}: {outcome.said}, {word}, {outcome.took_s:.0f} s; {left} left", err=True)

        yield watch


def table(outcomes: "tuple[Outcome, ...]") -> str:
    """Fault, what the gate said, caught or not; the clean runs as one line unless one was not approved."""
    faults = [outcome for outcome in outcomes if outcome.is_fault]
    clean = [outcome for outcome in outcomes if not outcome.is_fault]
    rows = [("fault", "the gate said", "caught")]
    rows += [(outcome.title, outcome.said, "yes" if outcome.caught else "MISSED") for outcome in faults]
    reasons = ["", *(_reason(outcome) for outcome in faults)]
    if clean:
        approved = sum(outcome.caught for outcome in clean)
        rows.append((f"none, {len(clean)} runs", f"APPROVED {approved}", f"{len(clean) - approved} false alarms"))
        reasons.append("; ".join(dict.fromkeys(item.reason for item in clean if not item.caught)))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = []
    for row, reason in zip(rows, reasons, strict=True):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        lines.append("  ".join([*cells, reason]).rstrip())
    again = sum(outcome.attempts - 1 for outcome in outcomes)
    missed = sum(not outcome.caught for outcome in faults)
    lines.append(f"{len(faults)} faults, {missed} missed" + (f"; {again} runs were repeated: this machine was too busy "
                 "to offer their load in time" if again else ""))  # fmt: skip
    return "\n".join(lines)


def _reason(outcome: "Outcome") -> str:
    return " ".join(outcome.reason.split())[:160]
