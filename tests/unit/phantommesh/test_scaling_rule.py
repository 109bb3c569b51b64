"""The scaling rule against what the Kubernetes documentation says it does.

https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/
"""

from dataclasses import asdict, replace
from itertools import pairwise

import pytest
from phantommesh.scaling.options import wished_scaling
from phantommesh.scaling.rule import History, Pod, next_replicas, not_yet_ready, recommend
from phantommesh.scaling.settings import DOWN, UP, Behaviour, Policy, Scaling, from_document

SCALING = Scaling(1, 100, request_cores=0.1, target_percent=100.0)
AT_ONCE = replace(SCALING, down=replace(DOWN, window_s=0.0))


def pods(count: int, use_percent: float) -> list[Pod]:
    return [Pod(use_percent)] * count


@pytest.mark.parametrize(
    ("count", "use", "wanted"),
    [
        (3, 200.0, 6),  # "the current metric value is 200m, and the desired value is 100m: doubled"
        (4, 50.0, 2),  # "if the current value is instead 50m: halved"
        (3, 105.0, 3),  # within the tolerance of 0.1
        (3, 110.0, 3),  # its very edge
        (3, 111.0, 4),
        (3, 90.0, 3),
        (10, 89.0, 9),
        (3, 100.0, 3),
        (3, 135.0, 5),  # ceil(4.05)
    ],
)
def test_the_ratio_decides(count: int, use: float, wanted: int) -> None:
    assert recommend(pods(count, use), SCALING).replicas == wanted


def test_the_tolerance_may_be_set_as_in_the_documentation() -> None:
    """A tolerance of 5 % and a target of 100 MB scale up above 105 MB."""
    tight = replace(SCALING, up=replace(UP, tolerance=0.05))
    assert recommend(pods(10, 104.0), tight).replicas == 10
    assert recommend(pods(10, 106.0), tight).replicas == 11


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        # Missing: nothing of the target when scaling up: (300 + 0) / 2 = 150 %.
        ([Pod(300.0), Pod(None)], 3),
        # The whole target when scaling down: (10 + 10 + 100 + 100) / 4 = 55 %, ceil(4 x 0.55) = 3.
        ([Pod(10.0), Pod(10.0), Pod(None), Pod(None)], 3),
        # It turns the direction around: (150 + 0) / 2 = 75 %: nothing changes.
        ([Pod(150.0), Pod(None)], 2),
        # It comes within the tolerance: nothing changes.
        ([Pod(210.0), Pod(None)], 2),
        # Not yet ready: nothing of the target when scaling up: (400 + 0) / 2 = 200 %.
        ([Pod(400.0), Pod(900.0, not_yet_ready=True)], 4),
        # What it uses while it starts is no load: (150 + 0) / 2 = 75 %, the other way: nothing changes.
        ([Pod(150.0), Pod(900.0, not_yet_ready=True)], 2),
        # Left out when scaling down.
        ([Pod(40.0), Pod(40.0), Pod(900.0, not_yet_ready=True)], 1),
        # Nobody was measured: nothing changes.
        ([Pod(None), Pod(None)], 2),
    ],
)
def test_missing_and_starting_pods_count_against_a_change(found: list[Pod], wanted: int) -> None:
    assert recommend(found, SCALING).replicas == wanted


def steps(start: int, recommended: int, scaling: Scaling, times_s: list[float]) -> list[int]:
    found, current, history = [], start, History()
    for at_s in times_s:
        current, history = next_replicas(current, recommended, at_s, scaling, history)
        found.append(current)
    return found


def test_scaling_down_by_percent_then_by_pods_as_the_documentation_counts_it() -> None:
    """From 80 to 10 replicas with 10 % or 4 pods a minute: 72, 64 (10 % of 72 is 7.2, rounded up), ... and below 40
    four at a time."""
    way = Behaviour(0.0, (Policy("pods", 4, 60.0), Policy("percent", 10, 60.0)))
    found = steps(80, 10, replace(SCALING, down=way), [60.0 * k for k in range(14)])
    assert found[:4] == [72, 64, 57, 51]
    assert [a - b for a, b in pairwise(found) if a <= 40][:3] == [4, 4, 4]


def test_within_a_policys_period_the_change_before_counts() -> None:
    way = Behaviour(0.0, (Policy("pods", 4, 60.0),))
    assert steps(20, 1, replace(SCALING, down=way), [0.0, 15.0, 30.0, 60.0]) == [16, 16, 16, 12]


def test_scaling_up_adds_four_pods_or_doubles_every_15_s_by_default() -> None:
    assert steps(1, 100, SCALING, [0.0, 15.0, 30.0, 45.0]) == [5, 10, 20, 40]


@pytest.mark.parametrize(("select", "wanted"), [("max", 8), ("min", 2), ("disabled", 1)])
def test_which_policy_holds_is_chosen(select: str, wanted: int) -> None:
    way = Behaviour(0.0, (Policy("pods", 7, 15.0), Policy("percent", 100, 15.0)), select)  # type: ignore[arg-type]
    assert steps(1, 50, replace(SCALING, up=way), [0.0]) == [wanted]


def test_scaling_down_waits_until_the_window_has_forgotten_the_higher_recommendation() -> None:
    scaling = replace(SCALING, down=replace(DOWN, window_s=60.0))
    current, history = next_replicas(3, 5, 0.0, scaling, History())
    assert current == 5
    for at_s in (15.0, 30.0, 45.0, 60.0):
        current, history = next_replicas(current, 3, at_s, scaling, history)
        assert current == 5
    current, history = next_replicas(current, 3, 75.0, scaling, history)
    assert current == 3


def test_scaling_up_can_wait_too() -> None:
    scaling = replace(SCALING, up=replace(UP, window_s=30.0))
    assert steps(3, 5, scaling, [0.0]) == [5]
    current, history = next_replicas(3, 3, 0.0, scaling, History())
    assert next_replicas(current, 5, 15.0, scaling, history)[0] == 3


def test_least_and_most_hold_whatever_is_recommended() -> None:
    scaling = replace(AT_ONCE, least=3, most=5)
    assert steps(3, 50, scaling, [0.0]) == [5]
    assert steps(5, 1, scaling, [0.0]) == [3]


@pytest.mark.parametrize(
    ("ready", "age_s", "changed_at_age_s", "starts"),
    [
        (False, 5.0, 0.0, True),
        (True, 20.0, 10.0, True),  # measured over 15 s of which 5 came before it was ready
        (True, 40.0, 10.0, False),
        (False, 200.0, 100.0, True),  # within the initialisation period whoever is not ready starts
        (False, 400.0, 350.0, False),  # was ready once: it does not start, it is broken
        (False, 400.0, 0.0, True),  # never was
        (True, 400.0, 395.0, False),
    ],
)
def test_who_counts_as_starting(ready: bool, age_s: float, changed_at_age_s: float, starts: bool) -> None:
    found = not_yet_ready(
        ready=ready, age_s=age_s, changed_at_age_s=changed_at_age_s, measured_over_s=15.0, scaling=SCALING
    )
    assert found is starts


def test_settings_survive_being_written_down_and_refuse_nonsense() -> None:
    assert from_document(asdict(SCALING)) == SCALING
    with pytest.raises(ValueError, match="least <= most"):
        Scaling(3, 2, 0.1, 60)
    with pytest.raises(ValueError, match="above 0"):
        Scaling(1, 2, 0.0, 60)


def test_without_room_above_the_replicas_nothing_is_scaled() -> None:
    options = {"scale_cpu_percent": 60.0, "cpu_request": 0.1, "scale_down_window": 60.0, "scale_period": 15.0}
    assert wished_scaling(3, max_replicas=None, **options) is None
    assert wished_scaling(3, max_replicas=3, **options) is None
    wished = wished_scaling(3, max_replicas=5, **options)
    assert wished is not None
    assert (wished.least, wished.most, wished.down.window_s) == (3, 5, 60.0)
