"""Which image each pod ran, against those that were deployed: what was rolled back, and what nobody looked at."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from readiness.checks.completeness import Expected
from readiness.checks.data_checks import check_completeness
from readiness.model.dataset import ScenarioEvidence
from readiness.model.image import digest_of, images_of
from readiness.model.result import DataCheck
from readiness.stages.pod_history import PodHistory
from synthetic_evidence import COMPONENTS, WITH_METRICS, S, source_of, steady_evidence

X, Y = "docker.io/x/automation@sha256:aaa", "docker.io/x/automation@sha256:bbb"
SOUND = steady_evidence(measure_s=10)
END_NS = SOUND.clock.phase("measure").end_ns
EXPECTED = Expected(5, COMPONENTS, WITH_METRICS, source_of(), under_load="automation")


def part(replica: str, pod: str, image_id: str, started_s: int | None = 0) -> dict[str, Any]:
    started_ns = None if started_s is None else started_s * S
    return {"component": "automation", "replica": replica, "pod": pod, "image_id": image_id,
            "running": started_ns is not None, "started_ns": started_ns}  # fmt: skip


def status(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"components": list(parts)}


def evidence(looks: Iterable[dict[str, Any]], looked_ns: int | None = END_NS) -> ScenarioEvidence:
    """Of a target that was deployed with X, and then was as it was at each look."""
    deployed = status(part("automation-0", "a", X))
    history = PodHistory(deployed)
    for number, seen in enumerate(looks, 1):
        history.note(seen, number * S)
    holdings = [vars(item) for item in history.holdings]
    observe = SOUND.observe | {"holdings": holdings, "looked_ns": looked_ns}
    return replace(SOUND, observe=observe, images=images_of(deployed["components"]))


def found(made: ScenarioEvidence) -> DataCheck | None:
    named = [item for item in check_completeness(made, EXPECTED) if item.check == "images as deployed"]
    return named[0] if named else None


def observed(made: ScenarioEvidence) -> tuple[str, str]:
    check = found(made)
    assert check is not None
    return str(check.verdict), check.observed


@pytest.mark.parametrize(
    "looks",
    [
        [status(part("automation-0", "a", X))],
        [status(part("automation-0", "b", X, 5))],  # replaced
        [status(part("automation-0", "b", "", None)), status(part("automation-0", "c", X, 5))],  # one never started
        [status(part("automation-0", "b", "", None)), status(part("automation-0", "b", X, 5))],  # seen before it did
        [status(part("automation-0", "b", "other-name/automation@sha256:aaa", 5))],  # of another node
    ],
)
def test_pods_of_the_image_that_was_deployed(looks: list[dict[str, Any]]) -> None:
    assert observed(evidence(looks))[0] == "PASS"


RAN = "ran sha256:bbb, deployed was sha256:aaa"
FAULTS: dict[str, tuple[list[dict[str, Any]], str]] = {
    "rolled back": ([status(part("automation-0", "b", Y, 5))], f"automation-0: the pod b {RAN}"),
    "and forth again": ([status(part("automation-0", "b", Y, 5)), status(part("automation-0", "c", X, 6))], RAN),
    "scaled out of another": ([status(part("automation-0", "a", X), part("automation-1", "b", Y))], RAN),
    "changed within the pod": ([status(part("automation-0", "a", Y, 5))], f"the pod a {RAN}"),
    "seen before it started": (
        [status(part("automation-0", "b", "", None)), status(part("automation-0", "b", Y, 5))], RAN),
    "of no known image": ([status(part("automation-0", "b", "", 5))], "the pod b ran unknown"),
    "of no known component": ([status(part("automation-0", "a", X), part("x-0", "x", X) | {"component": "x"})],
                              "no image of x is known as deployed"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_pod_of_another_image_is_named(name: str) -> None:
    looks, words = FAULTS[name]
    verdict, text = observed(evidence(looks))
    assert (verdict, words in text) == ("FAIL", True), text


@pytest.mark.parametrize("looked_ns", [None, END_NS - 1])
def test_images_at_which_nobody_looked_until_the_end_are_not_known(looked_ns: int | None) -> None:
    same = status(part("automation-0", "a", X))
    assert observed(evidence([same], looked_ns)) == ("FAIL", "nobody looked which images run after the measured phase")


def test_a_fact_that_was_not_written_is_an_error_and_no_pod_at_all_a_failure() -> None:
    made = evidence([])
    (holding,) = made.observe["holdings"]
    without = {name: value for name, value in holding.items() if name != "image_id"}
    assert observed(replace(made, observe=made.observe | {"holdings": [without]}))[0] == "ERROR"
    assert observed(replace(made, observe=made.observe | {"holdings": []}))[0] == "FAIL"


def test_where_there_are_no_images_nothing_is_said() -> None:
    assert found(SOUND) is None


@pytest.mark.parametrize("text", ["sha256:aaa", "docker.io/x@sha256:aaa", "docker-pullable://x@sha256:aaa",
                                  "docker://sha256:aaa"])  # fmt: skip
def test_a_digest_is_told_whatever_a_runtime_writes_before_it(text: str) -> None:
    assert digest_of(text) == "sha256:aaa"
