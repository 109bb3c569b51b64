"""What a scenario may say, and what is refused."""

from copy import deepcopy
from typing import Any

import pytest
from pydantic import ValidationError
from readiness.model.document import from_json, to_json
from readiness.model.evidence import scenario_stages
from readiness.model.scenario import Scenario

GOOD: dict[str, Any] = {
    "name": "steady",
    "title": "Steady state",
    "load": {"rate": "5000/min"},
    "profiles": {"full": {"warmup": "60s", "measure": "30min"}, "smoke": {"warmup": "5s", "measure": "60s"}},
    "objectives": [
        {"name": "accept-p95", "metric": "accept_latency", "statistic": "p95", "must": "< 200ms"},
        {"name": "lost", "metric": "events_lost", "must": "== 0"},
    ],
}


def changed(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """GOOD with one value replaced."""
    document = deepcopy(GOOD)
    place: Any = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return document


def test_a_good_scenario_survives_the_archive() -> None:
    scenario = Scenario.model_validate(GOOD)
    assert from_json(Scenario, to_json(scenario)) == scenario
    assert scenario.objectives[0].must.value == pytest.approx(0.2)


def test_equal_values_have_equal_bytes() -> None:
    assert to_json(Scenario.model_validate(GOOD)) == to_json(Scenario.model_validate(dict(reversed(GOOD.items()))))


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (changed(("load", "rate"), "-5/min"), "not a quantity"),
        (changed(("load", "rate"), "5000ms"), "has the unit 'ms'"),
        (changed(("load", "speed"), 1), "Extra inputs"),
        (changed(("name",), "_run"), "pattern"),
        (changed(("objectives", 1, "metric"), "happiness"), "no stage produces"),
        (changed(("objectives", 1, "name"), "accept-p95"), "more than once"),
        (changed(("objectives", 0, "statistic"), "p42"), "needs one of p50"),
        (changed(("objectives", 0, "statistic"), None), "needs one of p50"),
        (changed(("objectives", 1, "statistic"), "p95"), "leave statistic out"),
        (changed(("objectives", 0, "must"), "200ms"), "not a comparison"),
        (changed(("objectives", 0, "must"), "< 5000/min"), "has the unit"),
        (changed(("objectives",), []), "at least 1 item"),
        (changed(("profiles",), {"full": {"warmup": "1s", "measure": "1s"}}), "smoke missing"),
        (changed(("profiles", "smoke", "measure"), "0s"), "greater than 0"),
    ],
)
def test_a_bad_scenario_is_refused_in_words(document: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Scenario.model_validate(document)


def test_all_problems_are_reported_at_once() -> None:
    document = changed(("load", "rate"), "fast")
    document["objectives"][1]["metric"] = "happiness"
    with pytest.raises(ValidationError) as caught:
        Scenario.model_validate(document)
    assert caught.value.error_count() == 2


DRILL = {"steps": [{"at": "30%", "action": "kill", "component": "automation"}]}
INTERRUPTION = {"name": "interruption", "metric": "interruption", "must": "< 1s"}
RECOVERY = {"name": "recovery", "metric": "recovery_time", "must": "< 60s"}


@pytest.mark.parametrize(
    ("more", "stages"),
    [
        ({}, ("load", "observe", "collect", "check")),
        ({"drill": DRILL}, ("load", "observe", "probe", "drill", "collect", "check")),
        ({"objectives": [INTERRUPTION]}, ("load", "observe", "probe", "collect", "check")),
    ],
)
def test_the_scenario_implies_the_stages_that_must_leave_evidence(
    more: dict[str, Any], stages: tuple[str, ...]
) -> None:
    assert scenario_stages(Scenario.model_validate(GOOD | more)) == stages


def test_what_only_a_drill_can_measure_needs_one() -> None:
    with pytest.raises(ValidationError, match="recovery can be measured only while a fault is in place; add a drill"):
        Scenario.model_validate(GOOD | {"objectives": [RECOVERY]})
    assert Scenario.model_validate(GOOD | {"objectives": [RECOVERY], "drill": DRILL}).drill is not None
