"""A data set read column by column into little memory: texts of which there are few as categories, and of long texts
only those that are wanted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from readiness.clients.tables import as_declared, read_table

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

_ROWS_AT_ONCE = 65_536


@dataclass(frozen=True)
class Lean:
    """``few``: columns that become categories, ascending by their text; ``only``: column of long texts -> (column,
    values): where that other column has none of the values the text is empty. A missing text stays missing."""

    few: tuple[str, ...] = ()
    only: Mapping[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)


def read_lean(path: Path, columns: dict[str, str], lean: Lean) -> "pd.DataFrame":
    """As ``tables.read_table``, in less memory. A file that has not just these columns, or whose texts are stored as
    something else, is read as ``read_table`` reads it, so that what is wrong with it is named in the same words."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if not _as_expected(pq.read_schema(path), columns, lean):
            return read_table(path, columns)
        with pq.ParquetFile(path, pre_buffer=False, read_dictionary=list(lean.few)) as file:
            held = {name: _column(file, name, columns[name], lean) for name in file.schema_arrow.names}
    except (pa.ArrowException, OSError):
        return read_table(path, columns)
    pa.default_memory_pool().release_unused()  # what decoding took in between is not kept
    return pd.DataFrame(held, copy=False)


def _as_expected(stored: "pa.Schema", columns: dict[str, str], lean: Lean) -> bool:
    texts = {*lean.few, *lean.only, *(by for by, _ in lean.only.values())}
    return sorted(stored.names) == sorted(columns) and all(_is_text(stored.field(name).type) for name in texts)


def _is_text(kind: "pa.DataType") -> bool:
    import pyarrow as pa

    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return kind in (pa.string(), pa.large_string())


def _column(file: "pq.ParquetFile", name: str, kind: str, lean: Lean) -> "pd.Series[Any]":
    few = name in lean.few
    table = _shortened(file, name, *lean.only[name]) if name in lean.only else file.read([name], use_threads=False)
    table = table.unify_dictionaries() if few else table
    # What pandas noted of a column when it wrote the file is its type, which a category has not.
    frame = table.to_pandas(split_blocks=True, self_destruct=True, ignore_metadata=few)
    column: pd.Series[Any] = frame[name].reset_index(drop=True)
    if not few:
        return as_declared(column, kind)
    texts = column.cat.categories.astype("str")
    return column.cat.rename_categories(texts.tolist()).cat.reorder_categories(texts.sort_values())


def _shortened(file: "pq.ParquetFile", name: str, by: str, values: tuple[str, ...]) -> "pa.Table":
    import pyarrow as pa
    import pyarrow.compute as pc

    wanted, pieces = pa.array(values), []
    for batch in file.iter_batches(_ROWS_AT_ONCE, columns=[name, by], use_threads=False):
        text, other = (_plain(batch.column(column)) for column in (name, by))
        keep = pc.or_(pc.is_in(other, value_set=wanted), pc.is_null(text))
        pieces.append(pc.if_else(keep, text, ""))
    return pa.table({name: pa.chunked_array(pieces, pa.string())})


def _plain(column: "pa.Array") -> "pa.Array":
    import pyarrow as pa

    plain = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
    return plain.cast(pa.string())
