"""Which replica a sample of Prometheus is of, while pods come, go, change their places and overlap."""

import random

from readiness.clients.prometheus import Series
from readiness.model.holding import Holding, tenures
from readiness.stages.metric_rows import Rows
from readiness.stages.pod_history import PodHistory

S = 1_000_000_000
COMPONENTS = ("automation", "vpn-core")


def part(replica: str, pod: str | None, started_s: int | None = 0) -> dict[str, object]:
    started_ns = None if started_s is None else started_s * S
    return {"component": "automation", "replica": replica, "pod": pod, "started_ns": started_ns}


def status(*parts: dict[str, object]) -> dict[str, object]:
    return {"components": list(parts)}


def series(pod: str, times_s: list[float], name: str = "phantommesh_queue_depth", **labels: str) -> Series:
    own = {"__name__": name, "job": "phantommesh", "instance": "10.0.0.1:8081", "component": "automation",
           "replica": pod, "node": "node-1"}  # fmt: skip
    return Series(own | labels, tuple(round(at * 1000) for at in times_s), tuple(map(float, range(len(times_s)))))


def rows(holdings: list[Holding], *page: Series) -> list[tuple[object, ...]]:
    return [(row[0] / S, row[2]) for row in Rows(tenures(holdings), COMPONENTS).of(page)]  # type: ignore[operator]


def test_a_sample_is_of_the_replica_that_the_pod_was_and_has_the_labels_that_were_served() -> None:
    served = series("automation-aa", [1.5], "phantommesh_deliveries_total", channel="slack", exported_component="x")
    history = PodHistory(status(part("automation-1", "automation-aa")))
    (row,) = Rows(tenures(history.holdings), COMPONENTS).of((served,))
    assert row == (
        1_500_000_000, "automation", "automation-1", "phantommesh_deliveries_total",
        'channel="slack",component="x"', 0.0,
    )  # fmt: skip


def test_rows_of_all_series_are_in_the_order_of_time() -> None:
    history = PodHistory(status(part("automation-0", "a"), part("automation-1", "b")))
    assert rows(history.holdings, series("a", [1.0, 2.0]), series("b", [0.5, 1.5])) == [
        (0.5, "automation-1"), (1.0, "automation-0"), (1.5, "automation-1"), (2.0, "automation-0"),
    ]  # fmt: skip


def test_a_successor_is_its_place_from_its_start_and_who_is_being_ended_no_longer() -> None:
    history = PodHistory(status(part("automation-0", "old", 0)))
    history.note(status(part("automation-0", "old", 0)), 10 * S)
    history.note(status(part("automation-0", "new", 11)), 13 * S)
    overlapping = [float(second) for second in range(9, 16)]
    found = Rows(tenures(history.holdings), COMPONENTS).of((series("old", overlapping), series("new", overlapping)))
    assert [(row[0] // S, row[5]) for row in found] == [
        (9, 0.0), (10, 1.0), (11, 2.0), (12, 3.0), (13, 4.0), (14, 5.0), (15, 6.0)
    ]  # fmt: skip
    assert history.holdings[-1].since_ns == 11 * S
    assert len({row[0] for row in found}) == len(found)


def test_a_start_before_the_last_look_counts_from_that_look_and_one_that_has_not_come_from_this() -> None:
    history = PodHistory(status(part("automation-0", "a"), part("automation-3", "d")))
    history.note(status(part("automation-0", "a"), part("automation-3", "d")), 100 * S)
    history.note(status(part("automation-0", "d", 5), part("automation-1", "e", None)), 103 * S)
    assert [(item.replica, item.pod, item.since_ns // S) for item in history.holdings[2:]] == [
        ("automation-0", "d", 100), ("automation-1", "e", 103)
    ]  # fmt: skip
    times = [99.0, 101.0]
    assert rows(history.holdings, series("d", times)) == [(99.0, "automation-3"), (101.0, "automation-0")]


def test_a_pod_that_comes_back_to_its_place_has_it_again() -> None:
    history = PodHistory(status(part("automation-1", "a")))
    for looked_s, place in ((10, "automation-1"), (20, "automation-0"), (30, "automation-1")):
        history.note(status(part(place, "a")), looked_s * S)
    found = rows(history.holdings, series("a", [5.0, 15.0, 25.0]))
    assert [name for _, name in found] == ["automation-1", "automation-0", "automation-1"]
    assert [item.since_ns // S for item in history.holdings] == [0, 10, 20]


def test_a_place_that_changes_hands_again_and_again_never_has_two_samples_of_one_time() -> None:
    chance = random.Random(7)
    for _ in range(50):
        pods = [f"pod-{number}" for number in range(6)]
        history = PodHistory(status(*(part(f"automation-{n}", pod) for n, pod in enumerate(pods[:3]))))
        for look in range(1, 20):
            now = chance.sample(pods, 3)
            history.note(status(*(part(f"automation-{n}", pod, chance.randint(0, look * 3)) for n, pod in
                                  enumerate(now))), look * 3 * S)  # fmt: skip
        every = [float(second) for second in range(60)]
        found = rows(history.holdings, *(series(pod, every) for pod in pods))
        assert len(found) == len(set(found))
        by_pod = tenures(history.holdings)
        for at_ns in range(0, 60 * S, S):
            held = [one.replica for times in by_pod.values() for one in times if one.holds(at_ns)]
            assert len(held) == len(set(held))


def test_who_is_no_replica_is_told_apart_from_who_is_not_observed() -> None:
    history = PodHistory(status(part("automation-0", "a")))
    made = Rows(tenures(history.holdings), COMPONENTS)
    assert made.of((series("stranger", [1.0, 4.0]), series("stranger", [0.5], "process_cpu_seconds_total"))) == []
    assert made.of((series("prometheus-0", [1.0], component="prometheus"),)) == []
    assert made.unplaced() == [
        {"pod": "stranger", "component": "automation", "first_ns": S // 2, "last_ns": 4 * S}
    ]  # fmt: skip


def test_a_target_that_is_in_no_cluster_has_no_pods() -> None:
    history = PodHistory({"components": [{"component": "automation", "replica": "automation-0"}]})
    history.note({"components": [{"component": "automation", "replica": "automation-0", "pid": 7}]}, S)
    assert history.holdings == []
