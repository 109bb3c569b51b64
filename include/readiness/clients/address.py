"""Which addresses may be loaded, probed and scraped at all.

Loopback, and the network reserved for benchmarks, 198.18.0.0/15 (RFC 2544): a measuring system aimed elsewhere by
mistake is an attack. In a cluster also the addresses that its API server reports, where the environment names their
network.
"""

import ipaddress
import socket
from collections.abc import Collection
from urllib.parse import urlsplit

_BENCHMARK_NETWORK = ipaddress.ip_network("198.18.0.0/15")


class AddressError(ValueError):
    """The address is not one that may be measured."""


def require_allowed(url: str, also: Collection[str] = ()) -> None:
    """Raises AddressError unless every address of the URL's host is loopback, in 198.18.0.0/15, or one of ``also``."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise AddressError(f"{url!r} is not an address like http://127.0.0.1:8080")
    try:
        found = {info[4][0] for info in socket.getaddrinfo(parts.hostname, None)}
    except OSError as error:
        raise AddressError(f"{url!r}: the host is not known ({error.strerror})") from error
    for text in found:
        address = ipaddress.ip_address(text)
        if not (address.is_loopback or address in _BENCHMARK_NETWORK or text in also):
            raise AddressError(f"{url!r} is {address}; only loopback and {_BENCHMARK_NETWORK} may be measured")
