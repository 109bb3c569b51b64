"""The command ``phantommesh config``. It imports what it needs when it runs."""

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from phantommesh.config.load import Loaded


@click.command()
@click.option("--config", "file", type=click.Path(path_type=Path), help="Instead of the one that ships.")
@click.option("--check", "only_check", is_flag=True, help="Say only whether a platform could start with it.")
@click.option("--reference", "as_reference", is_flag=True, help="Print the reference of all keys, Markdown.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one line of JSON.")
def config(file: Path | None, only_check: bool, as_reference: bool, as_json: bool) -> None:
    """Print the configuration that is in force, and where each value comes from; secrets are not shown.

    Exit 1 with one line for each problem: a platform would not start with it.
    """
    if as_reference:
        if only_check or as_json or file is not None:
            raise click.UsageError("--reference is about every configuration; it takes no other option")
        from phantommesh.config.reference import reference

        click.echo(reference(), nl=False)
        return
    from phantommesh.config.load import PRODUCTION, ConfigError, read

    try:
        loaded = read(file or PRODUCTION, os.environ)
    except ConfigError as error:
        if as_json:
            click.echo(json.dumps({"usable": False, "problems": error.problems}))
        for problem in error.problems:
            click.echo(f"phantommesh: {problem}", err=True)
        sys.exit(1)
    _show(loaded, only_check, as_json)


def _show(loaded: "Loaded", only_check: bool, as_json: bool) -> None:
    from phantommesh.config.settings import settings

    found = settings(loaded)
    if as_json:
        document: dict[str, object] = {"usable": True, "problems": []}
        click.echo(json.dumps(document if only_check else document | {"settings": [asdict(item) for item in found]}))
    elif only_check:
        click.echo(f"{loaded.origins.file}: good, {len(found)} keys")
    else:
        file = str(loaded.origins.file)
        click.echo(f"file: {file}")
        width = max(len(item.key) for item in found)
        for item in found:
            where = (item.where or "").replace(f"{file}:", "line ")
            click.echo(f"{item.key:{width}}  {item.shown()}  [{f'{item.origin} {where}'.strip()}]")
