"""Where load may go."""

import ipaddress
from typing import NamedTuple
from urllib.parse import urlsplit


class Address(NamedTuple):
    """A loopback address."""

    host: str
    port: int
    path: str


def loopback(url: str) -> Address:
    """The parts of a URL. Raises ValueError unless it is plain HTTP to a literal loopback address."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        inside = ipaddress.ip_address(host).is_loopback
    except ValueError:
        inside = False
    if parts.scheme != "http" or not inside or parts.port is None:
        raise ValueError(f"{url}: must be http://<loopback address>:<port>/...")
    return Address(host, parts.port, parts.path or "/")
