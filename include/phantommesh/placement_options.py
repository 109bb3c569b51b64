"""The options that place one process: addresses, and secrets by the files that hold them."""

import functools
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from phantommesh.config.secret_source import SecretError, SecretSource
from phantommesh.placement import POSTGRES_PORT, Address, Database, Placement

Command = Callable[..., Any]


class AddressType(click.ParamType[Address]):
    """HOST:PORT; HOST alone where there is a usual port; a path where a unix socket may lie there."""

    name = "address"

    def __init__(self, usual_port: int | None = None) -> None:
        self._usual_port = usual_port

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Address:
        """The address that a text says."""
        if isinstance(value, Address):
            return value
        text = str(value)
        if self._usual_port is not None and text.startswith("/"):
            return Address(text, self._usual_port)
        host, colon, port = text.rpartition(":")
        if not colon and self._usual_port is not None:
            host, port = text, str(self._usual_port)
        if not host or not (port.isascii() and port.isdigit()) or not 1 <= int(port) <= 65535:
            self.fail(f"{text!r} is not an address; write {param.metavar if param else 'HOST:PORT'}", param, ctx)
        return Address(host, int(port))


ADDRESS = AddressType()
DATABASE_ADDRESS = AddressType(POSTGRES_PORT)


def secret_option(flag: str, meaning: str) -> Callable[[Command], Command]:
    """An option that names a file whose only line is a secret; the command gets the secret, without `_file`."""
    option = flag.removeprefix("--").replace("-", "_")
    argument = option.removesuffix("_file")
    variable = f"PHANTOMMESH_{option.upper()}"

    def decorated(command: Command) -> Command:
        @click.option(flag, option, metavar="FILE", envvar=variable, show_envvar=True, help=f"A file: {meaning}")
        @functools.wraps(command)
        def with_secret(**given: Any) -> Any:
            file = given.pop(option)
            return command(**given, **{argument: None if file is None else _secret(flag, file)})

        return with_secret

    return decorated


def _secret(flag: str, file: str) -> str:
    try:
        return SecretSource(file=str(Path(file).absolute())).reveal()
    except SecretError as error:
        raise click.ClickException(f"{flag}: {error}") from error


def placement_options(port: int, admin_port: int) -> Callable[[Command], Command]:
    """Where a replica serves and which database it uses: the command gets `name` and `placement`."""

    def decorated(command: Command) -> Command:
        @click.option(
            "--name", default=socket.gethostname, help="Of the replica. Default: the machine's, or the pod's."
        )
        @click.option("--listen", default="0.0.0.0", show_default=True, help="The address to listen at.")  # noqa: S104
        @click.option("--port", default=port, show_default=True, type=click.IntRange(1, 65535), help="Of the service.")
        @click.option("--admin-port", default=admin_port, show_default=True, type=click.IntRange(1, 65535),
                      help="Of health and metrics.")  # fmt: skip
        @click.option("--replicas", default=3, show_default=True, type=click.IntRange(1, 200),
                      help="How many there may ever be at once; they share the database's connections.")  # fmt: skip
        @click.option("--database", required=True, type=DATABASE_ADDRESS, envvar="PHANTOMMESH_DATABASE",
                      show_envvar=True, metavar="HOST[:PORT]", help="PostgreSQL, or its socket's folder.")  # fmt: skip
        @secret_option("--database-password-file", "The password of this service's role.")
        @functools.wraps(command)
        def placed(
            *, name: str, listen: str, port: int, admin_port: int, replicas: int, database: Address,
            database_password: str | None, **more: Any,
        ) -> Any:  # fmt: skip
            server = Database(database.host, database.port, database_password)
            return command(name=name, placement=Placement(listen, port, admin_port, replicas, server), **more)

        return placed

    return decorated
