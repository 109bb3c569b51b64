"""Whose fault a rollout is that did not finish: the release's only where its own doing is known."""

from typing import Any

import pytest
from readiness.analysis.rollout import release_fault


@pytest.mark.parametrize(
    ("facts", "convicts"),
    [
        ({"unfinished": [True], "troubles": []}, False),  # a slow pull, a slow node: nobody knows
        ({"unfinished": [True, False], "troubles": []}, False),
        ({"unfinished": [True], "troubles": [("unschedulable", False)]}, False),
        ({"unfinished": [True], "troubles": [("quota", False)]}, False),
        ({"unfinished": [True], "troubles": [("crash", True)]}, True),
        ({"unfinished": [True], "troubles": [("config", True)]}, True),
        ({"unfinished": [True], "troubles": [("crash", True)], "rolled_back": None}, True),
        ({"unfinished": [True], "troubles": [("crash", True)], "rolled_back": False}, False),
        ({"unfinished": [True], "troubles": [("crash", False)]}, False),
        ({"unfinished": [True, False], "troubles": [("crash", True)]}, False),
        ({"unfinished": [True, False], "troubles": [("image", True)]}, False),
        ({"unfinished": [], "troubles": []}, False),
    ],
)
def test_who_is_to_blame(facts: dict[str, Any], convicts: bool) -> None:
    left = [{"kind": "Deployment", "name": f"part-{n}", "why": "late", "of_release": mine}
            for n, mine in enumerate(facts["unfinished"])]  # fmt: skip
    troubles = [{"what": what, "component": "part-0", "pod": "", "image": "", "text": "no", "of_release": mine}
                for what, mine in facts["troubles"]]  # fmt: skip
    found = {"unfinished": left, "troubles": troubles, "rollback": "put back", "events": [], "rolled_back": True}
    if "rolled_back" in facts:
        found["rolled_back"] = facts["rolled_back"]
    assert bool(release_fault(found)) is convicts


IMAGE = "mesh.example/automation:2.0.0"
CONTAINERD = (
    f'rpc error: code = NotFound desc = failed to pull and unpack image "{IMAGE}": '
    f'failed to resolve reference "{IMAGE}": '
)
DOCKER, CRIO = "Error response from daemon: ", "manifest 2.0.0 in mesh.example/automation: manifest unknown"
MAY = "repository does not exist or may require"
WORDS = [
    # containerd, docker, CRI-O as their users quote them: github.com/kubernetes-sigs/provider-aws-test-infra/pull/281,
    # github.com/kubevela/kubevela/pull/981, github.com/cri-o/cri-o/issues/4388, github.com/okd-project/okd/issues/2194
    ("ErrImagePull", f"{CONTAINERD}{IMAGE}: not found", True),
    ("ErrImagePull", f"{DOCKER}manifest for {IMAGE} not found: manifest unknown: manifest unknown", True),
    ("ErrImagePull", f"Error reading {CRIO}: manifest unknown", True),
    ("ErrImagePull", f"initializing source docker://{IMAGE}: reading {CRIO}", True),
    ("ErrImageNeverPull", f'Container image "{IMAGE}" is not present with pull policy of Never', True),
    ("InvalidImageName", 'Failed to apply default image tag "a:b:c": invalid reference format', True),
    # docker and containerd with a secret that has expired say the same as of an image that is not there:
    # github.com/octarinesec/octarine-operator/issues/15, github.com/containerd/containerd/issues/11103
    ("ErrImagePull", f"{DOCKER}pull access denied for {IMAGE}, {MAY} 'docker login': denied: it is denied", False),
    ("ErrImagePull", f"{CONTAINERD}pull access denied, {MAY} authorization: server message: no", False),
    ("ErrImagePull", f"{CONTAINERD}failed to do request: dial tcp 10.0.0.1:443: connect: connection refused", False),
    ("ErrImagePull", f"{CONTAINERD}failed to do request: dial tcp: lookup mesh.example: no such host", False),
    ("ErrImagePull", f"{CONTAINERD}unexpected status from HEAD request: 429 Too Many Requests", False),
    # the node's own store: github.com/containerd/containerd/pull/8173
    (
        "ErrImagePull",
        "failed to prepare extraction snapshot: parent snapshot sha256:0b does not exist: not found",
        False,
    ),
    ("ImagePullBackOff", f'Back-off pulling image "{IMAGE}"', False),
]


def of_image(reason: str, said: str, *events: str) -> dict[str, Any]:
    text = f"image {IMAGE} cannot be had: {reason} ({said})"
    trouble = {
        "what": "image",
        "component": "automation",
        "pod": "a-1",
        "image": IMAGE,
        "text": text,
        "of_release": True,
    }
    left = [{"kind": "Deployment", "name": "automation", "why": "late", "of_release": True}]
    return {"unfinished": left, "troubles": [trouble], "rollback": "", "rolled_back": True, "events": list(events)}


@pytest.mark.parametrize(("reason", "said", "convicts"), WORDS)
def test_only_an_image_that_is_known_not_to_be_there_convicts(reason: str, said: str, convicts: bool) -> None:
    assert bool(release_fault(of_image(reason, said))) is convicts
    told = f'a-1: Failed: Failed to pull image "{IMAGE}": {said}'
    known = convicts and reason == "ErrImagePull"
    assert bool(release_fault(of_image("ImagePullBackOff", f'Back-off pulling image "{IMAGE}"', told))) is known
    assert not release_fault(of_image("ImagePullBackOff", "Back-off", told.replace("a-1", "b-1")))
