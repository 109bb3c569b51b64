"""Places of events in another data set, as pandas finds them one by one."""

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st
from readiness.checks.event_places import distinct, first_places

IDS = st.lists(st.sampled_from(["a", "b", "c", "", None]), max_size=8)


@given(IDS, IDS, st.sampled_from(["str", "object"]))
def test_each_is_found_where_it_first_stands(ids: list[str | None], among: list[str | None], kind: str) -> None:
    found = first_places(pd.Series(ids, dtype=kind), pd.Series(among, dtype="str"))
    assert found.tolist() == [among.index(one) if one in among else -1 for one in ids]


@given(IDS)
def test_each_id_once(ids: list[str | None]) -> None:
    assert distinct(pd.Series(ids, dtype="str")).to_pylist() == list(dict.fromkeys(ids))
