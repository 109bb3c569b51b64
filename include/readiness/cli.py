"""The command line of the engine. Each command imports what it needs when it runs: `validate` starts in a blink."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from readiness import __version__

SCENARIOS = Path("scenarios")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="readiness")
def main() -> None:
    """Decides whether a release of PhantomMesh may ship."""


@main.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def validate(files: tuple[Path, ...], as_json: bool) -> None:
    """Check scenario and environment FILES (default: all of ./scenarios). Exit 1 if one has a problem."""
    from readiness.spec.files import read_all

    paths = list(files) or sorted([*SCENARIOS.glob("*.yaml"), *(SCENARIOS / "environments").glob("*.yaml")])
    if not paths:
        raise click.ClickException(f"no files: {SCENARIOS}/ has no *.yaml here; name the files to check")
    found, problems = read_all(paths)
    if as_json:
        report = {"files": len(paths), "valid": len(found), "problems": [asdict(problem) for problem in problems]}
        click.echo(json.dumps(report, indent=2))
    else:
        for problem in problems:
            click.echo(str(problem), err=True)
        click.echo(f"{len(paths)} files, {len(problems)} problems")
    sys.exit(1 if problems else 0)
