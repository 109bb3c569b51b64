"""The command line. Each command imports what it needs when it runs: `status` starts in a blink."""

import json
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from phantommesh import __version__
from phantommesh.config import command
from phantommesh.scaling.options import scaling_options, wished_scaling
from phantommesh.serve import migrate, serve
from phantommesh.threat_model import commands

EXIT_CODES = {"ready": 0, "degraded": 3, "stopped": 4}
_STATE = click.option(
    "--state", "folder", required=True, type=click.Path(path_type=Path, file_okay=False), help="The state folder."
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print the status as JSON.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="phantommesh")
def main() -> None:
    """The reference platform: threat alerts in, assessed alerts out to people."""


for _command in (command.config, commands.train, commands.models, commands.intelligence, serve, migrate):
    main.add_command(_command)


@main.command()
@_STATE
@click.option("--replicas", default=3, show_default=True, type=click.IntRange(1, 16), help="Automation processes.")
@click.option("--vpn-replicas", default=3, show_default=True, type=click.IntRange(1, 16), help="vpn-core processes.")
@click.option("--port", default=0, type=click.IntRange(0, 65535), help="Of the API; 0 (default) takes a free one.")
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="Instead of the one that ships.")
@click.option("--keep-data", is_flag=True, help="Go on with the database of the last run, and keep it at `down`.")
@click.option(
    "--link",
    "links",
    multiple=True,
    metavar="FROM:TO",
    help="Lead this connection through a proxy on which faults can be injected; may be repeated.",
)
@click.option("--valkey", is_flag=True, help="Start a cache of histories, too; without it the database answers.")
@scaling_options
@_JSON
def up(
    folder: Path, replicas: int, vpn_replicas: int, port: int, config_file: Path | None, keep_data: bool,
    links: tuple[str, ...], valkey: bool, as_json: bool, **wish: Any,
) -> None:  # fmt: skip
    """Start database, replicas and sink; wait until all are ready. Exit 1: nothing is left running."""
    from phantommesh.config.load import PRODUCTION, ConfigError, load
    from phantommesh.supervision.failure import PlatformError

    try:
        config = load(config_file or PRODUCTION, os.environ)
    except ConfigError as error:
        _fail(str(error))
    from phantommesh.supervision.state import LINKS, State
    from phantommesh.supervision.up import Wish, up

    links = tuple(dict.fromkeys(links))
    if unknown := [name for name in links if name not in LINKS]:
        _fail(f"--link {unknown[0]}: there is no such connection; legal are {', '.join(LINKS)}")
    try:
        scaling = wished_scaling(replicas, **wish)
        document = up(State(folder), Wish(replicas, vpn_replicas, port, config, keep_data, scaling, links, valkey))
    except PlatformError as error:
        _fail(str(error))
    _show(document, as_json)


@main.command()
@_STATE
@_JSON
def status(folder: Path, as_json: bool) -> None:
    """Print what runs. Exit 0: ready, 3: running but not ready, 4: not running."""
    from phantommesh.supervision.failure import PlatformError
    from phantommesh.supervision.state import State
    from phantommesh.supervision.status import status

    try:
        document = status(State(folder))
    except PlatformError as error:
        _fail(str(error))
    _show(document, as_json)
    sys.exit(EXIT_CODES[document["state"]])


@main.command()
@_STATE
@click.option("--max-replicas", required=True, type=click.IntRange(1, 16), help="So many at most, from now on.")
@_JSON
def scale(folder: Path, max_replicas: int, as_json: bool) -> None:
    """Set how far a platform that scales may do so; it follows at its next decision."""
    from phantommesh.supervision.failure import PlatformError
    from phantommesh.supervision.scale import allow
    from phantommesh.supervision.state import State
    from phantommesh.supervision.status import status

    state = State(folder)
    try:
        allow(state, max_replicas)
        document = status(state)
    except PlatformError as error:
        _fail(str(error))
    _show(document, as_json)


@main.command()
@_STATE
@_JSON
def down(folder: Path, as_json: bool) -> None:
    """Drain and stop everything that was started. Exit 0 also when nothing ran."""
    from phantommesh.supervision.down import down
    from phantommesh.supervision.failure import PlatformError
    from phantommesh.supervision.state import State
    from phantommesh.supervision.status import status

    state = State(folder)
    try:
        down(state)
        document = status(state)
    except PlatformError as error:
        _fail(str(error))
    _show(document, as_json)


def _fail(message: str) -> NoReturn:
    click.echo(f"phantommesh: {' '.join(message.split())}", err=True)
    sys.exit(1)


def _show(document: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(document))
        return
    click.echo(f"{document['state']}  {document['base_url'] or ''}".rstrip())
    for item in document["components"]:
        shown = "ready" if item["ready"] else "not ready"
        click.echo(f"  {item['replica']:14} {shown:10} pid {item['pid'] or '-'}  {item['admin_url'] or ''}".rstrip())
