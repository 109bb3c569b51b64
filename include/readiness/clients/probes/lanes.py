"""The lanes of a prober: on each path, what is sent and where, over which connections."""

import socket
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

from readiness.clients.ingress import WayIn
from readiness.clients.probes.event import Head, WriteRequests, read_request
from readiness.clients.probes.kept_connections import KeptConnections
from readiness.model.probe_path import WRITES, Lane, is_through_ingress

LANES: tuple[Lane, ...] = (("read", "new"), ("write", "new"), ("read", "reused"), ("write", "reused"))
"""(path, connection), in the order of their turns."""
LANES_WITH_INGRESS: tuple[Lane, ...] = (
    ("read", "new"), ("ingress-write", "reused"), ("write", "new"), ("ingress-read", "new"),
    ("read", "reused"), ("ingress-read", "reused"), ("write", "reused"), ("ingress-write", "new"),
)  # fmt: skip
"""What costs most, a new encrypted connection, comes every fourth time."""


@dataclass(frozen=True)
class Address:
    """Where probes connect to: the family and the numeric address, resolved once; ``tls``, ``name``: how the connection
    is encrypted, and the name that its certificate must have."""

    family: socket.AddressFamily
    where: tuple[str, int]
    tls: ssl.SSLContext | None = None
    name: str = ""


@dataclass(frozen=True)
class ProbedLane:
    """One of them. ``writes``: what makes its requests; None: it reads, with ``read``. ``kept``: None: each probe has
    a connection of its own."""

    address: Address
    read: bytes
    writes: WriteRequests | None
    kept: KeptConnections | None


def lanes_of(
    lanes: tuple[Lane, ...], base_url: str, through: WayIn | None, source: str, places: int
) -> tuple[ProbedLane, ...]:
    """Each lane, in that order. ``through``: the ingress, which lanes through it need; ``places``: how many connections
    a lane keeps."""
    inside, outside = _address(base_url), None if through is None else _encrypted(through)
    found = []
    for path, connection in lanes:
        reused, address = connection == "reused", inside
        host, authorization = urlsplit(base_url).netloc, ""
        if is_through_ingress(path):
            assert through is not None
            assert outside is not None
            address, host, authorization = outside, through.host, through.authorization
        head = Head(host, reused, authorization)
        writes = WriteRequests(head, source) if path in WRITES else None
        found.append(ProbedLane(address, read_request(head), writes, KeptConnections(places) if reused else None))
    return tuple(found)


def _address(url: str) -> Address:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    family, *_, where = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)[0]
    return Address(family, (str(where[0]), int(where[1])))


def _encrypted(through: WayIn) -> Address:
    plain = _address(through.url)
    return Address(plain.family, plain.where, through.tls, through.host)
