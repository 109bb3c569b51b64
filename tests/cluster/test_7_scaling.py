"""More load, more replicas; less load, fewer again. By CPU, then by the depth of the queue alone."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from .installation import PLATFORM, Installation
from .kubectl import Kubectl, until
from .loading import under_load

PEAK_RATE_PER_S = 15_000 / 60
SMALL = "50m"
"""What a replica takes at most before there are more. As machines go, each of three takes 35 to 77m of a core at
5,000/min; where it was 35 to 42m, it was 61 to 70m at 15,000/min."""
BURST_RATE_PER_S = 25_000 / 60
MORE_WITHIN_S = 120
FEWER_WITHIN_S = 240
_ROUND_S = 15  # how often an autoscaler looks (--horizontal-pod-autoscaler-sync-period)
_DEPLOYMENT = ("get", "deployment", "automation", "-n", PLATFORM)
_SCALE_DOWN = "/spec/advanced/horizontalPodAutoscalerConfig/behavior/scaleDown"
pytestmark = [pytest.mark.timeout(900), pytest.mark.usefixtures("way_for_load")]


@pytest.fixture
def by_cpu(ready: tuple[Installation, float], kubectl: Kubectl) -> Iterator[None]:
    """The overlay's autoscaler for a small machine and a short test: replicas are added from SMALL of a core each on,
    and go after 15 s instead of five minutes."""
    behavior = {"scaleDown": {"stabilizationWindowSeconds": 15}}
    metrics = _autoscaler(kubectl)["spec"]["metrics"]
    (cpu,) = (metric["resource"] for metric in metrics if metric["resource"]["name"] == "cpu")
    cpu["target"] = {"type": "AverageValue", "averageValue": SMALL}
    patch = json.dumps({"spec": {"metrics": metrics, "behavior": behavior}})
    kubectl("patch", "hpa", "automation", "-n", PLATFORM, "--type=merge", "-p", patch)
    try:
        yield
    finally:
        kubectl("delete", "hpa", "automation", "-n", PLATFORM)
        ready[0].apply()


@pytest.mark.usefixtures("by_cpu")
def test_load_brings_replicas_and_its_end_takes_them_away(
    ready: tuple[Installation, float], kubectl: Kubectl, tmp_path: Path, figures: dict[str, Any]
) -> None:
    _until_calm(kubectl)
    began_at = datetime.now(UTC)
    with under_load(kubectl, ready[0], tmp_path, "scaling", PEAK_RATE_PER_S) as load:
        took_s = until(
            lambda: _ready(kubectl) > 3, MORE_WITHIN_S,
            lambda: kubectl.run("describe", "hpa", "-n", PLATFORM).stdout[-2_000:],
        )  # fmt: skip
        _assert_scaled_since(began_at, kubectl)
    ended_s = time.monotonic()
    assert load.account is not None
    _until_three(kubectl)
    figures["by CPU: more replicas after, s"] = round(took_s, 1)
    figures["by CPU: three again after, s (with a window of 15 s)"] = round(time.monotonic() - ended_s, 1)
    figures["by CPU: events, failed, lost"] = load.account.sent, load.failed(), load.lost()
    assert (load.failed(), load.lost()) == (0, 0)


@pytest.fixture
def by_queue_depth(ready: tuple[Installation, float], kubectl: Kubectl) -> Iterator[None]:
    """KEDA's autoscaler in the place of Kubernetes' own, with the queue as its only reason."""
    if kubectl.run("get", "crd", "scaledobjects.keda.sh").returncode:
        pytest.skip("KEDA is not in this cluster: there is no CRD scaledobjects.keda.sh")
    try:
        with ready[0].changed(_keda_instead):
            kubectl("delete", "hpa", "automation", "-n", PLATFORM)
            ready[0].apply()
            yield
    finally:
        kubectl("delete", "scaledobject", "automation", "-n", PLATFORM, "--ignore-not-found", "--timeout=60s")
        ready[0].apply()


@pytest.mark.usefixtures("by_queue_depth")
def test_a_queue_brings_replicas_and_its_end_takes_them_away(
    ready: tuple[Installation, float], kubectl: Kubectl, tmp_path: Path, figures: dict[str, Any]
) -> None:
    kubectl("wait", "--for=condition=Ready", "scaledobject/automation", "-n", PLATFORM, "--timeout=60s")
    _until_calm(kubectl)
    began_at = datetime.now(UTC)
    with under_load(kubectl, ready[0], tmp_path, "queue", BURST_RATE_PER_S) as load:
        # Three replicas handle any load of this machine at once: what makes a queue is alerts that nobody takes.
        kubectl("scale", "statefulset/sink", "--replicas=0", "-n", PLATFORM)
        try:
            took_s = until(
                lambda: _ready(kubectl) > 3, MORE_WITHIN_S,
                lambda: kubectl.run("describe", "scaledobject,hpa", "-n", PLATFORM).stdout[-3_000:],
            )  # fmt: skip
            _assert_scaled_since(began_at, kubectl)
        finally:
            kubectl("scale", "statefulset/sink", "--replicas=1", "-n", PLATFORM)
        ready[0].await_ready(60, "sink")
    ended_s = time.monotonic()
    assert [metric["type"] for metric in _autoscaler(kubectl)["spec"]["metrics"]] == ["External"]
    assert load.account is not None
    _until_three(kubectl)
    figures["by queue depth: more replicas after, s"] = round(took_s, 1)
    figures["by queue depth: three again after, s (with a window of 15 s)"] = round(time.monotonic() - ended_s, 1)
    figures["by queue depth: events, failed, lost"] = load.account.sent, load.failed(), load.lost()
    assert (load.failed(), load.lost()) == (0, 0)


def _keda_instead(kustomization: dict[str, Any]) -> None:
    """Changes what is applied: the queue alone decides, of Prometheus in this namespace; replicas go after 15 s."""
    hpa, keda = "../../../components/autoscaling-hpa", "../../../components/autoscaling-keda"
    kustomization["components"] = [keda if part == hpa else part for part in kustomization["components"]]
    patch = [
        {"op": "remove", "path": "/spec/triggers/2"},
        {"op": "remove", "path": "/spec/triggers/1"},
        {"op": "replace", "path": "/spec/triggers/0/metadata/serverAddress", "value": f"http://prometheus.{PLATFORM}.svc:9090"},
        {"op": "replace", "path": f"{_SCALE_DOWN}/stabilizationWindowSeconds", "value": 15},
        {"op": "replace", "path": f"{_SCALE_DOWN}/policies/0/periodSeconds", "value": 15},
    ]  # fmt: skip
    kustomization["patches"].append({"target": {"kind": "ScaledObject"}, "patch": yaml.dump(patch)})


def _until_calm(kubectl: Kubectl) -> None:
    """Three replicas are there and no more are wanted, for two rounds of the autoscaler: it has no reason left from
    what other tests did. One replica that it had asked for before the load would pass for one that the load brought."""
    stirred_s = time.monotonic()

    def calm() -> bool:
        nonlocal stirred_s
        if _stirring(kubectl):
            stirred_s = time.monotonic()
        return time.monotonic() - stirred_s >= 2 * _ROUND_S

    until(calm, FEWER_WITHIN_S, lambda: f"before the load: {_stirring(kubectl) or 'three replicas, but not for long'}")


def _stirring(kubectl: Kubectl) -> str:
    """What is not three; empty: everything is."""
    status, wanted = _autoscaler(kubectl).get("status", {}), kubectl.json(*_DEPLOYMENT)["spec"].get("replicas")
    found = {
        "autoscaler wants": status.get("desiredReplicas"), "deployment wants": wanted, "ready": _ready(kubectl),
    }  # fmt: skip
    return ", ".join(f"{what} {count}" for what, count in found.items() if count != 3)


def _assert_scaled_since(began_at: datetime, kubectl: Kubectl) -> None:
    """The autoscaler itself dates its last decision, in whole seconds."""
    scaled_at = datetime.fromisoformat(_autoscaler(kubectl)["status"]["lastScaleTime"])
    assert scaled_at >= began_at.replace(microsecond=0), f"scaled {began_at - scaled_at} before the load"


def _until_three(kubectl: Kubectl) -> None:
    until(lambda: _ready(kubectl) == 3, FEWER_WITHIN_S, lambda: f"{_ready(kubectl)} replicas after the load")


def _autoscaler(kubectl: Kubectl) -> Any:
    """The only one there is."""
    (found,) = kubectl.items("hpa", "-n", PLATFORM)
    return found


def _ready(kubectl: Kubectl) -> int:
    return int(kubectl.json(*_DEPLOYMENT)["status"].get("readyReplicas", 0))
