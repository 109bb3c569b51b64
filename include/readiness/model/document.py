"""Values as JSON documents and back: canonical bytes, so that equal values have equal hashes."""

import dataclasses
import hashlib
import json
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import BaseModel, TypeAdapter

T = TypeVar("T")


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def to_json(value: Any) -> bytes:
    """Canonical JSON (sorted keys, two-space indent, final newline). NaN and infinity raise ValueError: JSON has
    no such numbers, and a verdict must not depend on how a reader takes them."""
    text = json.dumps(_plain(value), sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    return text.encode() + b"\n"


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def from_json(kind: type[T], data: bytes) -> T:
    """The value of type ``kind``. Raises ValueError (pydantic's) that names each field that does not fit."""
    result: T = _adapter(cast(Any, kind)).validate_json(data)
    return result


def sha256(data: bytes) -> str:
    """Hex digest of the bytes."""
    return hashlib.sha256(data).hexdigest()
