"""Where one process of the platform serves, and whom it reaches.

Under ``phantommesh up`` all of it follows from the run (``supervision.state``); where each process is placed by someone
else, such as a Kubernetes cluster, from the options of ``phantommesh serve``.
"""

from dataclasses import dataclass, field
from typing import Any

POSTGRES_PORT = 5432


@dataclass(frozen=True, slots=True)
class Address:
    """A TCP endpoint. host: a name or an address."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """Of what speaks HTTP there."""
        return f"http://{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Database:
    """A PostgreSQL server. host: a name or an address, or the folder of its unix socket. password: of whoever connects;
    None: none is asked for, or libpq's own settings (PGPASSFILE ...) say it. TLS is as PGSSLMODE and PGSSLROOTCERT
    say."""

    host: str
    port: int = POSTGRES_PORT
    password: str | None = field(default=None, repr=False)

    def arguments(self) -> dict[str, Any]:
        """For asyncpg's connect and create_pool."""
        return {"host": self.host, "port": self.port, "password": self.password}


@dataclass(frozen=True, slots=True)
class Sink:
    """The measuring end of the channels: its HTTP interface and its mail server."""

    http: Address
    smtp: Address


@dataclass(frozen=True, slots=True)
class Placement:
    """Of one replica.

    host: the address that it listens at; port: of its service; admin_port: of health and metrics.
    replicas: how many of its kind there may ever be at once; they share the database's connections.
    vpn_core: None where the replica is one itself. sink: None where every channel is configured.
    """

    host: str
    port: int
    admin_port: int
    replicas: int
    database: Database
    vpn_core: Address | None = None
    sink: Sink | None = None
