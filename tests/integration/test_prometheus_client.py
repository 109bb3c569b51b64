"""What is asked of Prometheus, and what is made of its answers."""

import math
import time

import pytest
from fake_prometheus import FakePrometheus, Faults, Stored
from readiness.clients.prometheus import Prometheus, PrometheusError, Series
from readiness.stages.metric_rows import selector

START_MS = 1_790_000_000_000
MS = 1_000_000


def stored(name: str, count: int, *, step_ms: int = 1000, **labels: str) -> Stored:
    own = {"__name__": name, "job": "phantommesh", "instance": "10.0.0.1:8081"} | labels
    return Stored(own, [(START_MS + number * step_ms, float(number)) for number in range(count)])


def read(prometheus: FakePrometheus, length_ms: int, *, job: str = "phantommesh") -> list[tuple[Series, ...]]:
    with Prometheus(prometheus.url, 5.0) as client:
        return list(client.raw(selector(job), START_MS * MS, (START_MS + length_ms) * MS))


@pytest.mark.parametrize("closed", [False, True])
def test_each_sample_comes_once_with_its_own_time_over_all_pages(closed: bool) -> None:
    with FakePrometheus([stored("phantommesh_queue_depth", 601)], closed=closed) as fake:
        pages = read(fake, 600_000)
        times = [at for page in pages for series in page for at in series.times_ms]
    assert len(pages) == 5
    assert times == [START_MS + number * 1000 for number in range(1, 601)]  # the window begins after its start


def test_only_what_is_judged_is_asked_for() -> None:
    names = ("phantommesh_queue_depth", "phantommesh_events_received_total", "process_start_time_seconds",
             "python_gc_objects_collected_total", "process_open_fds", "phantommesh_op_seconds_bucket")  # fmt: skip
    series = [*(stored(name, 3) for name in names), stored("phantommesh_queue_depth", 3, job="another")]
    with FakePrometheus(series) as fake:
        (page,) = read(fake, 2_000)
    assert [one.labels["__name__"] for one in page] == list(names[:3])


def test_a_page_that_is_too_much_for_one_query_is_halved() -> None:
    with FakePrometheus([stored("phantommesh_queue_depth", 601)], Faults(most=40)) as fake:
        pages = read(fake, 600_000)
        times = [at for page in pages for series in page for at in series.times_ms]
    assert times == [START_MS + number * 1000 for number in range(1, 601)]
    assert {query.rpartition("[")[2] for query in fake.asked} >= {"120000ms]", "60000ms]", "30000ms]"}


def test_what_is_no_number_comes_as_it_was_stored() -> None:
    series = stored("phantommesh_queue_depth", 4)
    series.samples[1:] = [(at, value) for (at, _), value in zip(series.samples[1:], (math.nan, math.inf, -math.inf),
                                                               strict=True)]  # fmt: skip
    with FakePrometheus([series]) as fake:
        ((found,),) = read(fake, 3_000)
    assert str(found.values) == "(nan, inf, -inf)"


@pytest.mark.parametrize(
    ("faults", "says", "passing"),
    [
        (Faults(refuse=(400, "parse error: x")), "HTTP 400: parse error: x", False),
        (Faults(refuse=(503, "Service Unavailable")), "HTTP 503: Service Unavailable", True),
        (Faults(cut=True), "no whole answer", True),
        (Faults(away=1), "no whole answer", True),
        (Faults(told={"warnings": ["truncated due to limit"]}), "may not be whole.*truncated due to limit", False),
        (Faults(told={"infos": ["PromQL info: something"]}), "may not be whole, it says: PromQL info", False),
        (Faults(most=0), "HTTP 422: query processing would load too many samples", False),
    ],
)  # fmt: skip
def test_an_answer_that_is_not_whole_is_none_and_says_why(faults: Faults, says: str, passing: bool) -> None:
    with (
        FakePrometheus([stored("phantommesh_queue_depth", 30)], faults) as fake,
        pytest.raises(PrometheusError, match=f"GET {fake.url}/api/v1/query: .*{says}") as caught,
    ):
        read(fake, 29_000)
    assert caught.value.passing is passing
    assert "\n" not in str(caught.value)


def test_another_form_than_is_documented_is_no_answer() -> None:
    with FakePrometheus([stored("phantommesh_queue_depth", 3)]) as fake:
        for wrong in ({"resultType": "vector", "result": []}, {"resultType": "matrix", "result": [{"metric": {}}]},
                      {"resultType": "matrix", "result": [{"metric": {}, "histograms": [[1, {}]]}]}, None):  # fmt: skip
            fake.answer = lambda _, wrong=wrong: (200, {"status": "success", "data": wrong})  # type: ignore[method-assign,misc]
            with pytest.raises(PrometheusError, match="the answer is not as documented"):
                read(fake, 2_000)


def test_nobody_there_is_said_in_one_line() -> None:
    with FakePrometheus([]) as fake:
        url = fake.url
    with (
        Prometheus(url, 1.0) as client,
        pytest.raises(PrometheusError, match=r"no whole answer.*ConnectError") as caught,
    ):
        client.clock()
    assert caught.value.passing


@pytest.mark.parametrize("ahead_s", [0.0, 2.5, -1.0])
def test_its_clock_is_compared_with_ours(ahead_s: float) -> None:
    with FakePrometheus([], Faults(clock_s=ahead_s)) as fake, Prometheus(fake.url) as client:
        before_s = time.monotonic()
        found = client.clock()
        took_s = time.monotonic() - before_s
    assert abs(found.offset_ns / 1e9 - ahead_s) <= found.uncertainty_ns / 1e9
    assert found.uncertainty_ns <= took_s / 2 * 1e9 + 2 * MS
