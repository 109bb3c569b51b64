"""Histograms: the same text as the Prometheus client's own."""

import prometheus_client
from hypothesis import given
from hypothesis import strategies as st
from phantommesh.automation.timings import BUCKETS_S, Timings


@given(st.lists(st.integers(0, 20 * 10**9), max_size=50))
def test_it_counts_as_the_client_does(took_ns: list[int]) -> None:
    ours = Timings("seconds", "text", ("accept",))
    theirs = prometheus_client.Histogram("seconds", "text", ["operation"], buckets=BUCKETS_S, registry=None)
    for took in took_ns[::2]:
        ours.of["accept"].add(took)
    ours.of["accept"].add_each(10**18, [10**18 - took for took in took_ns[1::2]])
    for took in took_ns:
        theirs.labels("accept").observe(took / 1e9)
    if not took_ns:
        theirs.labels("accept")
    expected = {
        (s.name, s.labels.get("le")): s.value for m in theirs.collect() for s in m.samples if "created" not in s.name
    }
    found = {(s.name, s.labels.get("le")): s.value for m in ours.collect() for s in m.samples}
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        assert abs(found[key] - value) < 1e-6, key
