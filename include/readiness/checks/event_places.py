"""Where events of one data set stand in another, by millions: the ids are compared as they are stored, none becomes an
object of its own."""

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray


def distinct(ids: "pd.Series[Any]") -> pa.Array:
    """Each id once, as they first came."""
    return pc.unique(_stored(ids))


def first_places(ids: "pd.Series[Any] | pa.Array", among: "pd.Series[Any]") -> NDArray[np.int64]:
    """For each id its first place in ``among``, -1 where it is not there. A missing id is found at a missing one."""
    places = pc.index_in(_stored(ids), value_set=_stored(among))
    found: NDArray[np.int64] = places.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return found


def _stored(ids: "pd.Series[Any] | pa.Array") -> pa.Array:
    column = ids if isinstance(ids, pa.Array) else pa.array(ids, from_pandas=True)
    return (column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column).cast(pa.large_string())
