"""Where load may go."""

import ipaddress
from typing import NamedTuple
from urllib.parse import urlsplit

_BENCHMARK_NETWORK = ipaddress.ip_network("198.18.0.0/15")


class Address(NamedTuple):
    """An address that may be loaded."""

    host: str
    port: int
    path: str


def measurable(url: str) -> Address:
    """The parts of a URL. Raises ValueError unless it is plain HTTP to a literal address that is loopback or in the
    network reserved for benchmarks, 198.18.0.0/15 (RFC 2544), which a cluster of this machine has."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        address = ipaddress.ip_address(host)
        inside = address.is_loopback or address in _BENCHMARK_NETWORK
    except ValueError:
        inside = False
    if parts.scheme != "http" or not inside or parts.port is None:
        raise ValueError(f"{url}: must be http://<address on loopback or in {_BENCHMARK_NETWORK}>:<port>/...")
    return Address(host, parts.port, parts.path or "/")
