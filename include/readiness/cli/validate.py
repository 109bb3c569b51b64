"""`readiness validate`: starts in a blink, so it imports only the YAML reader and the model."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click


@click.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def validate(files: tuple[Path, ...], as_json: bool) -> None:
    """Check scenario and environment FILES (default: all of ./scenarios). Exit 1 if one has a problem."""
    from readiness.clients.home import scenarios_folder
    from readiness.spec.files import read_all

    folder = scenarios_folder()
    paths = list(files) or sorted([*folder.glob("*.yaml"), *(folder / "environments").glob("*.yaml")])
    if not paths:
        raise click.ClickException(f"no files: {folder.name}/ has no *.yaml here; name the files to check")
    found, problems = read_all(paths)
    if as_json:
        report = {"files": len(paths), "valid": len(found), "problems": [asdict(problem) for problem in problems]}
        click.echo(json.dumps(report, indent=2))
    else:
        for problem in problems:
            click.echo(str(problem), err=True)
        click.echo(f"{len(paths)} files, {len(problems)} problems")
    sys.exit(1 if problems else 0)
