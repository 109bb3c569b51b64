"""NetworkPolicies as the cluster enforces them: each drawn line works, and nothing else does.

A name that cannot be resolved would look like a line that is closed: services are reached by their addresses.
"""

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from .installation import PLATFORM, STAGES, Installation
from .kubectl import Kubectl
from .loading import outside_address
from .probe_pods import Attempt, connecting, connecting_from

AS = "app.kubernetes.io/name"
OPEN, CLOSED = "connected", "TimeoutError"
LINES = [
    # from namespace, labels, to pod of, port, what happens
    (PLATFORM, {AS: "automation"}, "postgres", 5432, OPEN),
    (PLATFORM, {AS: "vpn-core"}, "postgres", 5432, OPEN),
    (PLATFORM, {AS: "somebody"}, "postgres", 5432, CLOSED),
    (PLATFORM, {}, "postgres", 5432, CLOSED),
    (STAGES, {}, "postgres", 5432, CLOSED),
    (PLATFORM, {AS: "automation"}, "vpn-core", 8090, OPEN),
    (PLATFORM, {AS: "automation"}, "vpn-core", 8091, CLOSED),
    (PLATFORM, {AS: "automation"}, "valkey", 6379, OPEN),
    (PLATFORM, {AS: "vpn-core"}, "valkey", 6379, CLOSED),
    (PLATFORM, {AS: "automation"}, "sink", 8070, OPEN),
    (PLATFORM, {AS: "prometheus"}, "automation", 8081, OPEN),
    (PLATFORM, {AS: "prometheus"}, "postgres", 5432, CLOSED),
    (STAGES, {}, "automation", 8080, OPEN),
    (STAGES, {}, "automation", 8081, OPEN),
    (STAGES, {}, "prometheus", 9090, OPEN),
    (STAGES, {}, "sink", 8070, OPEN),
    ("default", {}, "automation", 8080, CLOSED),
    ("default", {AS: "prometheus"}, "automation", 8081, CLOSED),
]  # fmt: skip


@pytest.fixture(scope="module")
def outcomes(ready: tuple[Installation, float], kubectl: Kubectl) -> list[str]:
    """What became of each line, all tried at once."""
    addresses = {
        component: kubectl.json("get", "pod", ready[0].pods(component)[0], "-n", PLATFORM)["status"]["podIP"]
        for component in {to for _, _, to, _, _ in LINES}
    }
    return connecting(
        kubectl, [Attempt(namespace, labels, addresses[to], port) for namespace, labels, to, port, _ in LINES]
    )


@pytest.mark.parametrize(
    "place",
    range(len(LINES)),
    ids=[f"{line[0]}-{line[1].get(AS, 'any')}-{line[2]}-{line[3]}-{line[4]}" for line in LINES],
)
def test_a_line(outcomes: list[str], place: int) -> None:
    assert outcomes[place] == LINES[place][4]


@pytest.fixture
def outside() -> Iterator[tuple[str, int]]:
    """A server on this machine, outside of the cluster, at an address that pods have a route to."""
    with closing(socket.create_server((outside_address(), 0))) as server:
        yield server.getsockname()[:2]


def test_automation_cannot_leave_the_cluster(
    ready: tuple[Installation, float], kubectl: Kubectl, outside: tuple[str, int]
) -> None:
    assert connecting(kubectl, [Attempt("default", {}, *outside)]) == [OPEN]  # there is a way, for who may take it
    assert connecting_from(kubectl, PLATFORM, ready[0].pods("automation")[0], *outside) == CLOSED
