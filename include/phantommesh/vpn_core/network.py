"""The addresses of the mesh: 198.18.0.0/16, part of the network that RFC 2544 keeps for tests.

A peer's number is its address less the network's: 1 to 65534, since the first and the last address of a network are
no host's.
"""

import ipaddress

MESH = ipaddress.IPv4Network("198.18.0.0/16")
FIRST_NUMBER, LAST_NUMBER = 1, MESH.num_addresses - 2


def address_of(number: int) -> str:
    """The address of a number."""
    return str(MESH[number])


def number_of(address: str) -> int | None:
    """The number of a canonical address; None when no peer can have it."""
    parsed = ipaddress.ip_address(address)
    if not isinstance(parsed, ipaddress.IPv4Address) or parsed not in MESH:
        return None
    number = int(parsed) - int(MESH.network_address)
    return number if FIRST_NUMBER <= number <= LAST_NUMBER else None


def canonical(text: str) -> str | None:
    """The one way to write an IPv4 or IPv6 address; None for what is none.

    An IPv4 address in IPv6 clothes (::ffff:a.b.c.d, RFC 4291 2.5.5.2) is that IPv4 address. A zone is refused: it means
    something on one machine only.
    """
    if "%" in text:
        return None
    try:
        parsed = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = getattr(parsed, "ipv4_mapped", None)
    return str(mapped or parsed)
