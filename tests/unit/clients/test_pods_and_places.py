"""Pods as the API server reports them, the replicas that they are, and what kubectl's errors mean."""

from typing import Any

import pytest
from readiness.clients.kubernetes.kubectl import explained
from readiness.clients.kubernetes.pods import Places, Pod, pod_of, version_of


def pod(name: str, created: str = "2026-01-31T10:00:00Z", owner: str = "ReplicaSet", **more: Any) -> Pod:
    item: dict[str, Any] = {
        "metadata": {
            "name": name, "uid": f"uid-{name}", "creationTimestamp": created,
            "labels": {"app.kubernetes.io/name": "automation"},
            "ownerReferences": [{"kind": owner, "controller": True}],
            **more,
        },
        "spec": {"nodeName": "node-1", "containers": [{
            "name": "automation", "image": "phantommesh/automation:v2",
            "ports": [{"name": "http", "containerPort": 8080}, {"name": "admin", "containerPort": 8081}],
        }]},
        "status": {
            "podIP": "198.18.0.9", "phase": "Running", "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [{"name": "automation", "restartCount": 1, "imageID": "sha256:1",
                                   "state": {"running": {"startedAt": "2026-01-31T10:00:02Z"}}}],
        },
    }  # fmt: skip
    return pod_of(item)


def places(*known: str, declared: int = 3) -> Places:
    return Places({name: f"automation-{number}" for number, name in enumerate(known)}, {"automation": declared})


def test_a_pod_is_read_with_its_address_its_start_and_its_readiness() -> None:
    found = pod("a")
    assert (found.admin_url, found.ready, found.running, found.restarts) == ("http://198.18.0.9:8081", True, True, 1)
    assert found.started_ns == 1_769_853_602 * 10**9
    assert pod("a", deletionTimestamp="2026-01-31T10:00:09Z").ending


def test_a_pod_without_anything_yet_is_neither_ready_nor_reachable() -> None:
    found = pod_of({"metadata": {"name": "a"}})
    assert (found.admin_url, found.ready, found.running, found.component) == (None, False, False, "")


def test_a_successor_takes_the_place_of_the_one_that_is_gone() -> None:
    found = places("a", "b", "c")
    assert found.assign([pod("a"), pod("c")]) == {"a": "automation-0", "c": "automation-2"}
    assert found.assign([pod("a"), pod("c"), pod("d")])["d"] == "automation-1"


def test_two_processes_that_look_at_other_times_count_alike() -> None:
    early, late = places("a", "b", "c"), places("a", "b", "c")
    early.assign([pod("a"), pod("b")])
    now = [pod("a"), pod("b"), pod("d", "2026-01-31T11:00:00Z")]
    assert early.assign(now) == late.assign(now)


def test_who_was_added_last_fills_a_declared_place_that_nobody_else_takes() -> None:
    found = places("a", "b", "c", "d", "e")
    there = found.assign([pod("a"), pod("c"), pod("d"), pod("e")])
    assert there == {"a": "automation-0", "e": "automation-1", "c": "automation-2", "d": "automation-3"}
    below = places("a", "b", "c")
    assert below.assign([pod("a"), pod("c")])["c"] == "automation-2"  # its successor is on the way


def test_a_pod_of_a_stateful_set_is_its_own_place() -> None:
    assert places().assign([pod("automation-7", owner="StatefulSet")]) == {"automation-7": "automation-7"}


@pytest.mark.parametrize(
    ("image", "version"),
    [("a/b:1.2", "1.2"), ("host:5000/b", "latest"), ("host:5000/b:v1", "v1"), ("a/b@sha256:12", "sha256:12")],
)
def test_the_version_is_the_tag_or_the_digest(image: str, version: str) -> None:
    assert version_of(image) == version


@pytest.mark.parametrize(
    ("said", "kind", "text"),
    [
        ('Error from server (NotFound): pods "x" not found', "notfound", 'pods "x" not found'),
        ('Warning: old\nError from server (Forbidden): pods is forbidden: User "u"', "forbidden", "pods is forbidden"),
        ("E1125 04:44:27.1 1 memcache.go:265] x\nThe connection to the server 127.0.0.1:1 was refused - did you give "
         "the right host or port?", "unreachable", "The connection to the server 127.0.0.1:1 was refused"),
        ("Unable to connect to the server: net/http: TLS handshake timeout", "unreachable", "TLS handshake timeout"),
        ("error: You must be logged in to the server (Unauthorized)", "unauthorized", "must be logged in"),
        ("error: no objects passed to apply", "other", "no objects passed to apply"),
        ("", "other", "kubectl ended with code 1 and said nothing"),
    ],
)  # fmt: skip
def test_what_kubectl_says_is_one_line_of_a_known_kind(said: str, kind: str, text: str) -> None:
    found, words = explained(said, 1)
    assert found == kind
    assert text in words
    assert "\n" not in words
