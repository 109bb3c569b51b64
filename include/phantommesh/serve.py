"""``phantommesh serve`` and ``phantommesh migrate``: one process at a time, placed by someone else.

Where ``phantommesh up`` places everything on one machine by itself, here each process is told in options, or in the
variables that their help names, where it serves and whom it reaches. Each command imports what it needs when it runs.
"""

import asyncio
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from phantommesh import __version__
from phantommesh.placement import Address, Database, Placement, Sink
from phantommesh.placement_options import ADDRESS, DATABASE_ADDRESS, placement_options, secret_option

if TYPE_CHECKING:
    from phantommesh.config.model import Config

_log = logging.getLogger("phantommesh.serve")
_CONFIG = click.option(
    "--config", "file", type=click.Path(path_type=Path), envvar="PHANTOMMESH_CONFIG", show_envvar=True,
    help="Instead of the one that ships.",
)  # fmt: skip


@click.group()
def serve() -> None:
    """Run one process of the platform in the foreground, until SIGTERM."""


@serve.command()
@_CONFIG
@placement_options(port=8080, admin_port=8081)
@click.option("--vpn-core", required=True, type=ADDRESS, envvar="PHANTOMMESH_VPN_CORE", show_envvar=True,
              metavar="HOST:PORT", help="Where peers are quarantined.")  # fmt: skip
@click.option("--sink", type=ADDRESS, envvar="PHANTOMMESH_SINK", show_envvar=True, metavar="HOST:PORT",
              help="Where channels deliver that are not configured; without it all must be.")  # fmt: skip
@click.option("--sink-smtp-port", default=8025, show_default=True, type=click.IntRange(1, 65535),
              help="Of the sink's mail server.")  # fmt: skip
@click.option("--models", type=click.Path(path_type=Path, file_okay=False), envvar="PHANTOMMESH_MODELS",
              show_envvar=True, help="The models folder, instead of the configuration's.")  # fmt: skip
def automation(
    file: Path | None, name: str, placement: Placement, vpn_core: Address, sink: Address | None, sink_smtp_port: int,
    models: Path | None,
) -> None:  # fmt: skip
    """The service that takes, assesses and routes events."""
    from dataclasses import replace

    from phantommesh.automation.replica import Replica

    config = _begin(file, name, placement)
    reached = None if sink is None else Sink(sink, Address(sink.host, sink_smtp_port))
    _refuse_channels_that_are_nowhere(reached, config)
    placement = replace(placement, vpn_core=vpn_core, sink=reached)
    folder = models or Path(config.ml_training.models_dir)
    _run(lambda: Replica(name, placement, config, folder).live(), config)


@serve.command("vpn-core")
@_CONFIG
@placement_options(port=8090, admin_port=8091)
def vpn_core(file: Path | None, name: str, placement: Placement) -> None:
    """The control plane of the mesh."""
    from phantommesh.vpn_core.replica import Replica

    # The secrets of the channels are none of its business, and it is not given them.
    config = _begin(file, name, placement, sections=("database",))
    _run(lambda: Replica(name, placement, config).live(), config)


@serve.command()
@_CONFIG
@click.option("--listen", default="0.0.0.0", show_default=True, help="The address to listen at.")  # noqa: S104
@click.option("--port", default=8070, show_default=True, type=click.IntRange(1, 65535), help="Of the HTTP interface.")
@click.option("--smtp-port", default=8025, show_default=True, type=click.IntRange(1, 65535), help="Of the mail server.")
@click.option("--record", required=True, type=click.Path(path_type=Path, dir_okay=False), envvar="PHANTOMMESH_RECORD",
              show_envvar=True, help="The file of deliveries.")  # fmt: skip
def sink(file: Path | None, listen: str, port: int, smtp_port: int, record: Path) -> None:
    """The measuring end of the channels: for tests, never for production."""
    from phantommesh.sink.life import live

    at = Sink(Address(listen, port), Address(listen, smtp_port))
    config = _begin(file, "sink", at, sections=())
    _run(lambda: live(at, record), config)


@click.command()
@click.option("--database", required=True, type=DATABASE_ADDRESS, envvar="PHANTOMMESH_DATABASE", show_envvar=True,
              metavar="HOST[:PORT]", help="The PostgreSQL server, or the folder of its socket.")  # fmt: skip
@secret_option("--admin-password-file", "Of the superuser postgres.")
@secret_option("--app-password-file", "To be set for the role of automation.")
@secret_option("--vpn-password-file", "To be set for the role of vpn-core.")
@click.option("--wait", "wait_s", default=60.0, show_default=True, type=click.FloatRange(0, 3600),
              help="Seconds to wait for the server.")  # fmt: skip
def migrate(
    database: Address, admin_password: str | None, app_password: str | None, vpn_password: str | None, wait_s: float
) -> None:
    """Make roles, database and schema on a PostgreSQL server where they are missing, and set the passwords.

    Safe to repeat and to run several times at once. Exit 1: nothing that was there is changed.
    """
    import asyncpg

    from phantommesh.database import schema

    given = {schema.APP: app_password, schema.VPN: vpn_password}
    passwords = {role: password for role, password in given.items() if password is not None}
    server = Database(database.host, database.port, admin_password)
    try:
        asyncio.run(schema.create(server, wait_s, passwords))
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, schema.AnotherSchemaError) as error:
        _fail(f"{database.host}, port {database.port}: {error}")
    click.echo(f"{database.host}: the database {schema.DATABASE} is there")


def _begin(file: Path | None, name: str, placement: Any, sections: tuple[str, ...] | None = None) -> "Config":
    """The configuration; logging is set up by it. sections: whose secrets the process needs; None: of all."""
    from phantommesh.config.load import PRODUCTION, SECTIONS, ConfigError, load
    from phantommesh.logs.begin import begin_logging

    try:
        config = load(file or PRODUCTION, os.environ, SECTIONS if sections is None else sections)
    except ConfigError as error:
        for problem in error.problems:
            click.echo(f"phantommesh: {problem}", err=True)
        sys.exit(1)
    begin_logging(config.logging, name)
    _log.info("starts", extra={"version": __version__, "placement": repr(placement)})
    return config


def _refuse_channels_that_are_nowhere(sink: Sink | None, config: "Config") -> None:
    from phantommesh.supervision.channel_endpoints import channel_endpoints

    try:
        channel_endpoints(sink, config.alert_routing)
    except ValueError as error:
        _fail(str(error))


def _run(live: Any, config: "Config") -> None:
    """Until it ends by itself or by SIGTERM. The names of hosts are looked up by the threads that block."""
    from concurrent.futures import ThreadPoolExecutor

    import uvloop

    async def until_the_end() -> None:
        blocking = ThreadPoolExecutor(config.system.worker_threads, "blocking")
        asyncio.get_running_loop().set_default_executor(blocking)
        await live()

    try:
        uvloop.run(until_the_end())
    except OSError as error:
        _fail(f"cannot serve: {error}")
    _log.info("has ended")


def _fail(message: str) -> NoReturn:
    click.echo(f"phantommesh: {' '.join(message.split())}", err=True)
    sys.exit(1)
