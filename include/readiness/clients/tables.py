"""Data sets as Parquet (zstd): written in batches while they grow, read back with the columns of model.dataset."""

import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_ARROW_TYPES = {
    "int64": "int64",
    "Int64": "int64",
    "int16": "int16",
    "float64": "float64",
    "bool": "bool",
    "str": "string",
}


def _fields(columns: dict[str, str]) -> "list[pa.Field[Any]]":
    import pyarrow as pa

    return [
        pa.field(name, pa.type_for_alias(_ARROW_TYPES[kind]), nullable=kind == "Int64")
        for name, kind in columns.items()
    ]


def empty_frame(columns: dict[str, str]) -> "pd.DataFrame":
    """No row of these columns."""
    import pandas as pd

    return pd.DataFrame({name: pd.Series([], dtype=kind) for name, kind in columns.items()})


def write_pieces(pieces: "Iterable[pa.Table]", path: Path, columns: dict[str, str]) -> int:
    """Write tables of these columns, one after the other, as one data set; its number of rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema, rows = pa.schema(_fields(columns)), 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for piece in pieces:
            writer.write_table(piece.cast(schema))
            rows += piece.num_rows
    return rows


def same_pieces(path: Path, pieces: "Iterable[pa.Table]", columns: dict[str, str]) -> bool:
    """Whether the file is what ``write_pieces`` makes of these. Raises ValueError if it is no Parquet, OSError if it
    cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema, groups = pa.schema(_fields(columns)), 0
    try:
        with pq.ParquetFile(path) as file:
            if file.schema_arrow.names != schema.names:
                return False
            for piece in pieces:
                if groups == file.num_row_groups or not file.read_row_group(groups).equals(piece.cast(schema)):
                    return False
                groups += 1
            return bool(groups == file.num_row_groups)
    except pa.ArrowException as error:
        raise ValueError(f"{path.name}: not a Parquet file ({error})") from error


class TableWriter:
    """Appends rows to a new Parquet file; a context manager, since only closing makes the file readable."""

    def __init__(self, path: Path, columns: dict[str, str], batch_rows: int = 20_000) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._arrow, self._schema, self._batch_rows = pa, pa.schema(_fields(columns)), batch_rows
        self._writer = pq.ParquetWriter(path, self._schema, compression="zstd")
        self._rows: list[Sequence[Any]] = []
        self.count = 0

    def extend(self, rows: Iterable[Sequence[Any]]) -> None:
        """Take rows, each a sequence of values in the order of the columns."""
        for row in rows:
            self._rows.append(row)
            self.count += 1
            if len(self._rows) >= self._batch_rows:
                self.flush()

    def flush(self) -> None:
        """Write what is held as a row group."""
        if not self._rows:
            return
        values = [
            self._arrow.array(column, type=field.type)
            for column, field in zip(zip(*self._rows, strict=True), self._schema, strict=True)
        ]
        self._writer.write_table(self._arrow.Table.from_arrays(values, schema=self._schema))
        self._rows = []

    def __enter__(self) -> "TableWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.flush()
        self._writer.close()


def csv_to_table(csv: Path, path: Path, columns: dict[str, str]) -> int:
    """Turn a CSV of these columns into Parquet; its number of rows. A last line without its end is no record: the
    writer was killed in the middle of it. Empty fields of "Int64" columns are null."""
    import pandas as pd

    data = csv.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    nullable = {name: [""] for name, kind in columns.items() if kind == "Int64"}
    frame = pd.read_csv(io.BytesIO(whole), dtype=dict(columns), keep_default_na=False, na_values=nullable)
    frame[list(columns)].to_parquet(path, compression="zstd", index=False)
    return len(frame)


def read_table(path: Path, columns: dict[str, str]) -> "pd.DataFrame":
    """The data set with its columns' types. A column that is not as declared is left as it came: the data checks
    name it. Raises ValueError if the file is no Parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # One thread, and each column let go of once it was turned: otherwise all is held twice and more.
        table = pq.read_table(path, use_threads=False, pre_buffer=False)
        frame: pd.DataFrame = table.to_pandas(split_blocks=True, self_destruct=True)
    except pa.ArrowException as error:
        raise ValueError(f"{path.name}: not a Parquet file ({error})") from error
    del table
    pa.default_memory_pool().release_unused()
    for name, kind in columns.items():
        if name in frame and str(frame[name].dtype) != kind:
            frame[name] = as_declared(frame[name], kind)
    return frame


def as_declared(column: "pd.Series[Any]", kind: str) -> "pd.Series[Any]":
    """The column as this type of model.dataset, if it holds such values in another form; else as it came."""
    if str(column.dtype) == kind or not _lossless(column, kind):
        return column
    return column.astype(kind)  # type: ignore[call-overload,no-any-return]  # kinds: model.dataset


def read_columns(
    path: Path, columns: list[str], where: list[tuple[str, str, Any]] | None = None, *, few: Sequence[str] = ()
) -> "pd.DataFrame":
    """Some columns of a data set as they are stored, of the rows for which every (column, comparison, value) of
    ``where`` holds ("==", "in" ...). ``few``: columns of few distinct texts, which then are categories and take a
    fraction of the memory. Raises ValueError if the file is no Parquet or lacks a column."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(
            path, columns=columns, filters=where, read_dictionary=list(few), use_threads=False, pre_buffer=False
        )
        frame: pd.DataFrame = table.to_pandas(split_blocks=True, self_destruct=True)
        del table
        pa.default_memory_pool().release_unused()  # what decoding took in between is not kept
        return frame
    except (pa.ArrowException, KeyError) as error:
        raise ValueError(f"{path.name}: cannot be read ({error})") from error


def _lossless(column: "pd.Series[Any]", kind: str) -> bool:
    """Whether the column holds exactly such values in another form: text as objects, integers of another width, or
    nothing at all."""
    import pandas as pd

    if len(column) == 0:
        return True
    if kind == "str":
        return pd.api.types.infer_dtype(column, skipna=False) == "string"
    if kind not in ("int64", "int16", "Int64") or not pd.api.types.is_integer_dtype(column.dtype):
        return False
    bits = 16 if kind == "int16" else 64
    return bool(column.dropna().between(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1).all())
