"""The paths on which a target is probed: what is asked, by which way in, over which kind of connection."""

from typing import Final

Lane = tuple[str, str]
"""(path, connection), as a probe's row has them."""

SERVICE_PATHS: Final = ("read", "write")
"""By the target's own address: in a cluster, that of its Service."""
INGRESS_PATHS: Final = ("ingress-read", "ingress-write")
"""The same through the ingress, where the environment names one."""
WRITES: Final = ("write", "ingress-write")
CONNECTIONS: Final = ("new", "reused")

_KINDS = {"new": "new connections", "reused": "kept connections"}


def probed_paths(*, ingress: bool) -> tuple[Lane, ...]:
    """Every path that must be probed. ``ingress``: whether the environment names one."""
    paths = (*SERVICE_PATHS, *(INGRESS_PATHS if ingress else ()))
    return tuple((path, connection) for path in paths for connection in CONNECTIONS)


def is_through_ingress(path: str) -> bool:
    """Whether it leads through the ingress."""
    return path in INGRESS_PATHS


def words(path: str, connection: str) -> str:
    """A path's name in a sentence."""
    what, through = (path.removeprefix("ingress-"), " through the ingress" if is_through_ingress(path) else "")
    return f"{what}{through} over {connection} connections"


def label(path: str, connection: str) -> str:
    """A path's name beside a line of a picture or in a table."""
    before = "ingress: " if is_through_ingress(path) else ""
    return f"{before}{path.removeprefix('ingress-')}, {_KINDS[connection]}"
