"""Load from this machine on the platform in the cluster, and the account of every event of it.

The service's own address is loaded, so a cluster whose services cannot be reached from here cannot be tested by it.
"""

import ipaddress
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from instruments.ledger import Account, Ledger
from instruments.outcome import Outcome
from instruments.plan import SendPlan
from instruments.sending import start
from readiness.clients.platform_api import parse_metrics
from readiness.stages.collect import wait_drained

from .installation import PLATFORM, Installation
from .kubectl import MAY_BE_TESTED, Kubectl, until

NORMAL_RATE_PER_S = 5_000 / 60
LONGEST_S = 900.0
_DRAINED_WITHIN_S = 240
_FLOWING = 100


def outside_address() -> str:
    """This machine as the cluster's nodes see it. READINESS_OUTSIDE names another than the test cluster's."""
    return os.environ.get("READINESS_OUTSIDE", "198.18.250.1")


@dataclass(frozen=True)
class Reached:
    """Where the platform is reached from this machine."""

    base_url: str
    sink_url: str
    admin_urls: tuple[str, ...]


@dataclass
class Load:
    """A sending; ``outcome`` and ``account`` are there once it has ended."""

    plan: SendPlan
    outcome: Outcome | None = None
    account: Account | None = None

    def failed(self) -> int:
        """Events whose first attempt was not answered 202."""
        assert self.outcome is not None
        return int((self.outcome.first_status != 202).sum())

    def lost(self) -> int:
        """Events that were acknowledged and not handled to the end, or never acknowledged."""
        assert self.account is not None
        return self.account.lost + self.account.sent - self.account.acknowledged

    def silence_s(self, from_ns: int) -> float:
        """The longest time without an acknowledgement that ended after ``from_ns``, when some had come already."""
        assert self.outcome is not None
        done_ns = np.sort(self.outcome.done_ns[self.outcome.accepted])
        assert done_ns[0] < from_ns, "nothing was acknowledged before"
        after = done_ns[1:] > from_ns
        return float(np.diff(done_ns)[after].max(initial=0)) / 1e9

    def longest_wait_s(self) -> float:
        """From when an event was to be sent until it was acknowledged, in as many attempts as it took: of the one that
        waited longest, while others were served."""
        assert self.outcome is not None
        return self.outcome.latency_ms(100)[0] / 1e3


def let_this_machine_in(kubectl: Kubectl) -> None:
    """Open the ports that load, metrics and deliveries need to this machine, whose connections to a service may come
    by a node's address."""
    addresses = [outside_address()] + [
        item["address"]
        for node in kubectl.items("nodes")
        for item in node["status"]["addresses"]
        if item["type"] == "InternalIP"
    ]
    peers = [{"ipBlock": {"cidr": f"{address}/32"}} for address in addresses]
    for component, ports in (("automation", (8080, 8081)), ("sink", (8070,))):
        policy: dict[str, Any] = {
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": {"name": f"this-machine-to-{component}", "namespace": PLATFORM},
            "spec": {
                "podSelector": {"matchLabels": {"app.kubernetes.io/name": component}}, "policyTypes": ["Ingress"],
                "ingress": [{"from": peers, "ports": [{"port": port} for port in ports]}],
            },
        }  # fmt: skip
        kubectl("apply", "--server-side", "-f", "-", text=json.dumps(policy))


def reached(kubectl: Kubectl, installation: Installation) -> Reached:
    """The addresses as they are now. Fails for one that may not be tested."""
    service = kubectl.json("get", "service", "automation", "-n", PLATFORM)["spec"]["clusterIP"]
    sink = kubectl.json("get", "pod", installation.pods("sink")[0], "-n", PLATFORM)["status"]["podIP"]
    replicas = installation.addresses("automation")
    for text in (service, sink, *replicas):
        address = ipaddress.ip_address(text)
        assert any(address in network for network in MAY_BE_TESTED), f"{text} is not an address that may be loaded"
    return Reached(
        f"http://{service}:8080", f"http://{sink}:8070", tuple(f"http://{address}:8081" for address in replicas)
    )


def until_drained(kubectl: Kubectl, installation: Installation) -> None:
    """Wait until no event waits. Replicas come and go meanwhile: it is asked anew which there are."""
    at_ns, reason = wait_drained(lambda: list(reached(kubectl, installation).admin_urls), _DRAINED_WITHIN_S)
    assert at_ns is not None, reason


@contextmanager
def under_load(
    kubectl: Kubectl, installation: Installation, folder: Path, name: str, rate_per_s: float = NORMAL_RATE_PER_S
) -> Iterator[Load]:
    """Events at this rate while the block runs, each until it is acknowledged; then everything is waited for and
    accounted for. The block begins when the platform takes them."""
    where = reached(kubectl, installation)
    before = _received(where)
    plan = SendPlan(
        f"{where.base_url}/v1/events", f"cluster/{name}", rate_per_s, LONGEST_S, seed=7, connections=48, pipeline=1,
        retry_first_ms=5.0, retry_longest_ms=200.0, answer_timeout_s=60.0, attempt_timeout_s=10.0,
    )  # fmt: skip
    load, sending = Load(plan), start(plan, folder)
    try:
        until(lambda: _received(where) >= before + _FLOWING, 60, lambda: "the replicas take no events")
        yield load
        sending.stop()
        load.outcome = sending.finish()
    finally:
        sending.process.kill()
        sending.process.wait()
    load.account = _account(kubectl, installation, load.outcome, plan.source)


def _received(where: Reached) -> float:
    """How many events these replicas have taken."""
    found = [httpx.get(f"{url}/metrics", trust_env=False).raise_for_status().text for url in where.admin_urls]
    samples = [sample for text in found for sample in parse_metrics(text)]
    return sum(sample.value for sample in samples if sample.metric == "phantommesh_events_received_total")


def _account(kubectl: Kubectl, installation: Installation, outcome: Outcome, source: str) -> Account:
    until_drained(kubectl, installation)
    where = reached(kubectl, installation)
    ledger = Ledger(outcome)
    ledger.read(where.base_url, where.sink_url, source)
    return ledger.account()
