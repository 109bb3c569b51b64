"""Event ids as 16 bytes instead of texts, so that millions of them are held and compared cheaply.

A UUID in its canonical form (lower case, 36 characters) is its own 16 bytes. Any other text stands as its BLAKE2b
digest of 16 bytes, beside which the text is kept.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_WIDTH = 16
_AT_ONCE = 50_000
"""Rows that are turned into bytes at a time: what is needed in between stays small."""
_TEXT_LENGTH = 36
_DASHES = (8, 13, 18, 23)
_DIGITS = np.array([place for place in range(_TEXT_LENGTH) if place not in _DASHES])
_NOT_HEX = 255
_VALUE = np.full(256, _NOT_HEX, dtype=np.uint8)
_VALUE[np.frombuffer(b"0123456789abcdef", dtype=np.uint8)] = np.arange(16, dtype=np.uint8)
_DIGIT = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
Bytes = NDArray[np.uint8]
"""Rows of 16 bytes."""
Mask = NDArray[np.bool_]


@dataclass
class EventIds:
    """Distinct ids, ascending by their bytes; the number of an id is its place. ``texts``: ids that are no UUID."""

    bytes_of: Bytes
    texts: dict[bytes, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.bytes_of)

    def names(self, numbers: NDArray[np.int64]) -> pa.Array:
        """The text of each of these ids, in the order of the numbers."""
        chosen = self.bytes_of[numbers]
        text = _written(chosen)
        if not self.texts:
            return text
        other = [self.texts.get(row.tobytes()) for row in chosen]
        return pa.array(
            [name if found is None else found for found, name in zip(other, text.to_pylist(), strict=True)],
            pa.large_string(),
        )


def number_ids(parts: Sequence["tuple[pd.Series[Any], Mask | None]"]) -> tuple[EventIds, list[NDArray[np.int64]]]:
    """Every distinct text of the parts, and for each part the number of each of its rows. A part is a column and the
    mask of the rows that are meant (None: all)."""
    texts: dict[bytes, str] = {}
    edges = np.cumsum([0, *(len(column) if mask is None else int(mask.sum()) for column, mask in parts)])
    rows = np.zeros((edges[-1], _WIDTH), dtype=np.uint8)
    for (column, mask), start, end in zip(parts, edges.tolist(), edges[1:].tolist(), strict=False):
        _fill(rows[start:end], column, mask, texts)
    codes, distinct = _factorized(rows)
    del rows
    pa.default_memory_pool().release_unused()  # the hash table is larger than what is kept of it
    order = _ascending(distinct)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return EventIds(distinct[order], texts), np.split(rank[codes], edges[1:-1])


def _fill(rows: Bytes, part: "pd.Series[Any]", mask: Mask | None, texts: dict[bytes, str]) -> None:
    """Put the ids of the part into ``rows``; what is no UUID is entered in ``texts``."""
    column = pa.array(part, from_pandas=True)
    start = seen = 0
    for chunk in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
        for at in range(0, len(chunk), _AT_ONCE):
            piece = chunk.slice(at, _AT_ONCE)
            wanted = piece if mask is None else piece.filter(pa.array(mask[seen : seen + len(piece)]))
            seen += len(piece)
            _fill_piece(rows[start : start + len(wanted)], wanted, texts)
            start += len(wanted)


def _fill_piece(rows: Bytes, piece: pa.Array, texts: dict[bytes, str]) -> None:
    column = pc.fill_null(piece.cast(pa.large_string()), "")
    good = np.zeros(len(column), dtype=np.bool_)
    fits = np.asarray(pc.equal(pc.binary_length(column), _TEXT_LENGTH))
    fitting = column if fits.all() else column.filter(pa.array(fits))
    if len(fitting):
        rows[fits], good[fits] = _read(fitting)
    for place in np.flatnonzero(~good):
        text = column[place].as_py()
        digest = hashlib.blake2b(text.encode(), digest_size=_WIDTH).digest()
        texts[digest] = text
        rows[place] = np.frombuffer(digest, dtype=np.uint8)


def _read(column: pa.Array) -> tuple[Bytes, NDArray[np.bool_]]:
    """Texts of 36 bytes as 16, and for each whether it is a UUID in its canonical form."""
    offsets = np.frombuffer(column.buffers()[1], dtype=np.int64)[column.offset : column.offset + len(column) + 1]
    text = np.frombuffer(column.buffers()[2], dtype=np.uint8)[offsets[0] : offsets[-1]].reshape(-1, _TEXT_LENGTH)
    digits = _VALUE[text[:, _DIGITS]]
    good = (digits != _NOT_HEX).all(axis=1) & (text[:, list(_DASHES)] == ord("-")).all(axis=1)
    found = (digits[:, 0::2] << 4) | (digits[:, 1::2] & 15)
    return found.astype(np.uint8, copy=False), good


def _written(found: Bytes) -> pa.Array:
    """16 bytes as the canonical text."""
    n = len(found)
    text = np.full((n, _TEXT_LENGTH), ord("-"), dtype=np.uint8)
    text[:, _DIGITS[0::2]], text[:, _DIGITS[1::2]] = _DIGIT[found >> 4], _DIGIT[found & 15]
    offsets = np.arange(n + 1, dtype=np.int64) * _TEXT_LENGTH
    return pa.LargeStringArray.from_buffers(n, pa.py_buffer(offsets), pa.py_buffer(text))


def _factorized(rows: Bytes) -> tuple[NDArray[np.int32], Bytes]:
    """The place of each row among the distinct values, and these, as they first came."""
    if not len(rows):
        return np.empty(0, dtype=np.int32), rows
    # One array: of several, each part of the result would carry the whole dictionary.
    whole = pa.FixedSizeBinaryArray.from_buffers(pa.binary(_WIDTH), len(rows), [None, pa.py_buffer(rows)])
    coded = whole.dictionary_encode()
    values = coded.dictionary
    flat = np.frombuffer(values.buffers()[1], dtype=np.uint8)
    start = values.offset * _WIDTH
    return np.asarray(coded.indices), flat[start : start + len(values) * _WIDTH].reshape(-1, _WIDTH)


def _ascending(distinct: Bytes) -> NDArray[np.int64]:
    """The order of the bytes."""
    halves = np.ascontiguousarray(distinct).view(">u8")
    order: NDArray[np.int64] = np.lexsort((halves[:, 1], halves[:, 0]))
    return order
