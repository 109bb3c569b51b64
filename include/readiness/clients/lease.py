"""An environment serves one run at a time: a lease file with owner and expiry.

Read and written under a file lock, so that of two runs that ask at once exactly one gets it.
"""

import fcntl
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path


class LeaseError(Exception):
    """Another run holds the environment; the message names it."""


@dataclass(frozen=True)
class Lease:
    """``owner``: a run id; ``expires_ns``: UTC, epoch."""

    owner: str
    taken_ns: int
    expires_ns: int


def take(folder: Path, environment: str, owner: str, duration_s: float) -> Lease:
    """Take or renew the lease. Raises LeaseError while another run's lease has not expired."""
    now = time.time_ns()
    with _locked(folder) as path:
        held = _read(path)
        if held is not None and held.owner != owner and held.expires_ns > now:
            until = datetime.fromtimestamp(held.expires_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
            raise LeaseError(
                f"environment {environment} is in use by run {held.owner} until {until} at the latest; wait, or if "
                f"that run is gone: readiness stage teardown --run {held.owner}"
            )
        lease = Lease(owner, now, now + round(duration_s * 1e9))
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(asdict(lease)))
        partial.replace(path)
        return lease


def holder(folder: Path) -> Lease | None:
    """The lease as it stands, expired or not; None if there is none."""
    with _locked(folder) as path:
        return _read(path)


def release(folder: Path, owner: str) -> bool:
    """Give the lease back; False if ``owner`` does not hold it."""
    with _locked(folder) as path:
        held = _read(path)
        if held is None or held.owner != owner:
            return False
        path.unlink()
        return True


@contextmanager
def _locked(folder: Path) -> Iterator[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lease.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder / "lease.json"


def _read(path: Path) -> Lease | None:
    try:
        text = path.read_text()
    except FileNotFoundError:
        return None
    try:
        return Lease(**json.loads(text))
    except (ValueError, TypeError) as error:
        raise LeaseError(f"{path}: not a lease ({error}); if no run is active, remove the file") from error


@dataclass(frozen=True)
class FolderClaim:
    """The lease of an environment whose folder is the same for every run: one on this machine."""

    folder: Path
    environment: str

    def take(self, owner: str, duration_s: float) -> Lease:
        """See ``take``."""
        return take(self.folder, self.environment, owner, duration_s)

    def holder(self) -> Lease | None:
        """See ``holder``."""
        return holder(self.folder)

    def release(self, owner: str) -> bool:
        """See ``release``."""
        return release(self.folder, owner)
