"""Archives in each kind of place, and how somebody who may write there changes evidence behind its back."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from readiness.clients.archive import Archive
from readiness.clients.stores.addresses import checked_place
from readiness.clients.stores.places import open_store


@dataclass(frozen=True)
class Place:
    """``write``, ``read``, ``remove``: a file by its name relative to the archive."""

    where: str
    room: Path
    write: Callable[[str, bytes], object]
    read: Callable[[str], bytes]
    remove: Callable[[str], object]

    def archive(self) -> Archive:
        """As another process would open it: nothing is shared with one that was opened before."""
        return Archive(open_store(checked_place(self.where), self.room))


def in_folder(folder: Path) -> Place:
    """A folder."""
    root = folder / "archive"

    def write(name: str, data: bytes) -> None:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)

    return Place(str(root), folder, write, lambda name: (root / name).read_bytes(), lambda name: (root / name).unlink())


def in_memory(folder: Path) -> Place:
    """Objects of fsspec in this process; the folder's name keeps tests apart."""
    import fsspec

    memory: Any = fsspec.filesystem("memory")
    root = f"/{folder.name}/archive"
    return Place(
        f"memory:/{root}",
        folder / "room",
        lambda name, data: memory.pipe_file(f"{root}/{name}", data),
        lambda name: bytes(memory.cat_file(f"{root}/{name}")),
        lambda name: memory.rm_file(f"{root}/{name}"),
    )


def in_s3(objects: Any, bucket: str, prefix: str, folder: Path) -> Place:
    """Objects of an S3 service; ``objects``: a client with every right."""

    def key(name: str) -> dict[str, str]:
        return {"Bucket": bucket, "Key": f"{prefix}/{name}"}

    return Place(
        f"s3://{bucket}/{prefix}",
        folder / "room",
        lambda name, data: objects.put_object(**key(name), Body=data),
        lambda name: bytes(objects.get_object(**key(name))["Body"].read()),
        lambda name: objects.delete_object(**key(name)),
    )
