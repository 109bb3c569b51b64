"""Which images ran, over a run in a fake cluster as far as what its evidence leads to: after a rollback between two
scenarios, and in archives of before."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from collected_run import SCENARIO, Place, looked, place_in, sealed_anew, wrong
from readiness.model.document import to_json
from readiness.model.evidence import StageRef
from readiness.model.result import ScenarioResult
from readiness.model.verdict import Verdict
from readiness.stages.check import examine
from readiness.stages.pod_history import PodHistory
from readiness.stages.run import Run


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    with place_in(tmp_path, monkeypatch) as made:
        yield made


def seen(place: Place, image: str) -> tuple[ScenarioResult, set[str]]:
    """What is said of a load that found the component under load rolled over to the image, and its replicas' names."""
    run = place.made.run
    history = PodHistory(run.status())
    place.cluster.roll_over("automation", image)
    status = run.target.status()
    history.note(status, place.made.evidence.observe["finished_ns"])
    ref = StageRef(SCENARIO, "observe")
    facts = run.read_facts(ref, "observe.json") | looked(history)
    sealed_anew(run, ref, "observe.json", to_json(facts))
    names = {part["replica"] for part in status["components"] if part["component"] == "automation"}
    return place.collected()[0], names


def test_a_release_that_was_rolled_back_before_the_load_is_not_taken_for_the_one_that_was_deployed(
    place: Place,
) -> None:
    result, names = seen(place, "automation:0")
    assert names == {"automation-0", "automation-1", "automation-2"}  # as if nothing had happened
    assert not result.trusted
    found = r"images as deployed: automation-0: the pod automation-\w+ ran sha256:\w{64}, deployed was sha256:"
    assert re.search(found, wrong(result))


def test_pods_that_come_anew_from_the_image_that_was_deployed_are_no_other_release(place: Place) -> None:
    with place.cluster.changed() as state:  # by another name, the very same image
        state["moved"] = {"automation:again": "automation:1"}
    assert "images as deployed" not in wrong(seen(place, "automation:again")[0])


def test_an_archive_of_before_is_judged_as_it_was(place: Place) -> None:
    """Its plan follows no images, and its evidence says nothing of them."""
    run, plan_ref, ref = place.made.run, StageRef("_run", "plan"), StageRef(SCENARIO, "observe")
    plan_facts = run.read_facts(plan_ref, "run.json")
    del plan_facts["follows_images"]
    facts = run.read_facts(ref, "observe.json")
    holdings = [{name: value for name, value in item.items() if name != "image_id"} for item in facts["holdings"]]
    del facts["looked_ns"]
    sealed_anew(run, ref, "observe.json", to_json(facts | {"holdings": holdings}))
    result, _ = place.collected()
    assert "images as deployed: KeyError" in wrong(result)  # while the plan asks for them, they must be there
    sealed_anew(run, plan_ref, "run.json", to_json(plan_facts))
    before = examine(Run(run.home, run.run_id), SCENARIO)
    assert "images as deployed" not in {check.check for check in before.data_checks}
    assert not [check for check in before.data_checks if check.verdict is not Verdict.PASS]
