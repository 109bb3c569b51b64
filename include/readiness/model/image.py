"""Which image a container runs: by its digest, since a tag can be moved to another image."""

from collections.abc import Iterable, Mapping
from typing import Any


def digest_of(image_id: str) -> str:
    """Of what a node says of a container ("docker.io/x/automation@sha256:...", "sha256:..."). The name before it may
    differ between nodes that have the same image. Empty where the node says nothing yet."""
    return image_id.rpartition("@")[2].rpartition("//")[2]


def images_of(components: Iterable[Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    """Component -> the digests of its pods' images, from the components of a status; without those that have no
    image, as processes have none."""
    found: dict[str, set[str]] = {}
    for part in components:
        if digest := digest_of(str(part.get("image_id") or "")):
            found.setdefault(str(part["component"]), set()).add(digest)
    return {component: tuple(sorted(digests)) for component, digests in sorted(found.items())}
