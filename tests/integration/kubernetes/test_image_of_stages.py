"""The stages' own image is named by its digest where the release's images are; what is not is told in a line."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from fake_cluster.cluster import FakeCluster
from readiness.clients.kubernetes.doctor import examination
from readiness.clients.kubernetes.doctor.ground import Ground, pod_specs
from readiness.clients.kubernetes.doctor.stage_image import stage_image
from readiness.clients.kubernetes.kubectl import Kubectl
from readiness.clients.kubernetes.rendering import Object, rendered
from readiness.model.finding import Finding, FindingState
from readiness.model.kubernetes_environment import IN_CLUSTER, STAGE_IMAGE, KubernetesEnvironment
from readiness.spec.files import read_environment
from readiness.stages.doctor import findings, require_usable

ROOT = Path(__file__).parents[3]
DIGEST = "sha256:" + "5e" * 32
RELEASE, BY_DIGEST = f"registry.example/automation@{DIGEST}", f"registry.example/readiness@{DIGEST}"
BY_TAG = "registry.example/readiness:1.0.0"
ZEROS = f"{BY_TAG}@sha256:{'0' * 64}"
rendered_once = cache(rendered)


def of_image(image: str) -> KubernetesEnvironment:
    found = read_environment(ROOT / "scenarios" / "environments" / "dev.yaml")
    assert isinstance(found, KubernetesEnvironment)
    return found.model_copy(update={"stages": found.stages.model_copy(update={"image": image})})


def objects(image: str, sidecar: str = "") -> tuple[Object, ...]:
    """The overlay with one image everywhere, but for a container of its last workload."""
    found: list[Any] = json.loads(json.dumps(rendered_once(ROOT, "k8s/overlays/dev")))
    containers = [one for _, spec in pod_specs(tuple(found)) for key in ("initContainers", "containers")
                  for one in spec.get(key, [])]  # fmt: skip
    for one in containers:
        one["image"] = image
    containers[-1]["image"] = sidecar or image
    return tuple(found)


def said(image: str, release: tuple[Object, ...], context: str = "test") -> Finding:
    kubectl = Kubectl("dev", ("test", IN_CLUSTER), "phantommesh-dev")
    kubectl.__dict__["context"] = context
    (found,) = stage_image(Ground(of_image(image), kubectl, release))
    return found


@pytest.mark.parametrize("image", [BY_TAG, "registry.example/readiness", BY_DIGEST[:-1], ZEROS])
def test_a_tag_is_a_problem_where_the_release_is_by_digest(image: str) -> None:
    found = said(image, objects(RELEASE))
    assert (found.state, found.check) == (FindingState.PROBLEM, "stages")
    assert f"stages.image: {image} is a name that can be given to another image" in found.says
    assert f"write {image.partition('@')[0]}@sha256:... with the digest that your registry has" in found.says
    assert "\n" not in found.says


@pytest.mark.parametrize(
    ("own", "release"),
    [(BY_DIGEST, (RELEASE,)), (f"{BY_TAG}@{DIGEST}", (RELEASE,)), (BY_TAG, ("registry.example/automation:1",)),
     (BY_TAG, (RELEASE, "registry.example/sidecar:1"))],
)  # fmt: skip
def test_the_stages_may_be_as_the_release_is(own: str, release: tuple[str, ...]) -> None:
    assert said(own, objects(*release)).state is FindingState.OK


@pytest.mark.parametrize(
    ("given", "state"),
    [(BY_TAG, FindingState.PROBLEM), (BY_DIGEST, FindingState.OK), ("", FindingState.UNKNOWN)],
)
def test_a_stage_in_a_pod_goes_by_the_image_that_its_pod_was_given(
    monkeypatch: pytest.MonkeyPatch, given: str, state: FindingState
) -> None:
    """The environment file that it holds cannot know the digest of what holds it. No run begins there with a problem
    that is not of the name "stages"."""
    monkeypatch.setenv(STAGE_IMAGE, given)
    for written in (BY_TAG, BY_DIGEST):
        found = said(written, objects(RELEASE), IN_CLUSTER)
        assert (found.state, found.check) == (state, "image")


def test_the_doctor_says_it_and_a_run_from_a_shell_has_no_pods_of_stages(
    fake: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = objects(RELEASE)
    monkeypatch.setattr(examination, "rendered", lambda *_: release)
    problems = [one for one in findings(of_image(BY_TAG), ROOT) if one.state is FindingState.PROBLEM]
    assert [one.says for one in problems] == [said(BY_TAG, release).says]
    require_usable(of_image(BY_TAG), ROOT)
    assert fake.changes == []
