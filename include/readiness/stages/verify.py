"""Verify: the steady state before any load. A target that is not healthy is not worth measuring."""

from typing import Any

from readiness.clients import platform_api
from readiness.clients.kubernetes.pods import version_of
from readiness.clients.target_process import TargetError
from readiness.model.evidence import RUN_SCOPE, StageRef
from readiness.model.image import digest_of
from readiness.model.kubernetes_environment import KubernetesEnvironment
from readiness.stages.prometheus_source import asking_of, unmeasured
from readiness.stages.recording import recording
from readiness.stages.run import Run, StageError
from readiness.stages.verify_ingress import ingress_checks


def verify(run: Run) -> None:
    """Check readiness, replicas, version, images, audit trail, sink, the empty queue, the API through the ingress where
    the environment names one (healthy, and this platform's), and, where the target's Prometheus has the metrics, that
    it measures every replica. Raises StageError naming each check that failed; all are sealed."""
    inputs = (StageRef(RUN_SCOPE, "plan"), StageRef(RUN_SCOPE, "deploy"))
    with recording(run, StageRef(RUN_SCOPE, "verify"), inputs) as record:
        try:
            status = run.target.status()
        except (TargetError, ValueError) as error:
            raise StageError(str(error)) from error
        checks = [
            *_of_status(run, status),
            *_of_images(run, status),
            *_of_components(run, status),
            *_of_interfaces(run, status),
            *ingress_checks(run, status),
            *_of_measuring(run, status),
        ]
        record.write("verify.json", {"checks": checks})
        bad = [f"{check['name']}: {check['detail']}" for check in checks if not check["ok"]]
        record.failure = "; ".join(bad)


def _check(name: str, ok: bool, detail: str) -> dict[str, Any]:
    return {"name": name, "ok": ok, "detail": detail}


def _of_status(run: Run, status: dict[str, Any]) -> list[dict[str, Any]]:
    asked, found = run.plan.version_under_test, str(status.get("version"))
    checks = [
        _check("target ready", status["state"] == "ready", f"the target says {status['state']}"),
        _check("version under test", asked in ("", found), f"{found} runs, {asked or 'any'} was asked for"),
    ]
    for component, replicas in run.replicas().items():
        there = sum(part["component"] == component for part in status["components"])
        checks.append(_check(f"{component} replicas", there == replicas, f"{there} run, {replicas} are declared"))
    return checks


def _of_images(run: Run, status: dict[str, Any]) -> list[dict[str, Any]]:
    """Each component of the version under test: of the version that was asked for in every pod, and of one image in
    all of them, for nodes may have different images under one tag."""
    environment, asked, checks = run.plan.environment, run.plan.version_under_test, []
    released = environment.cluster.images.values() if isinstance(environment, KubernetesEnvironment) else ()
    for component in sorted(set(released)):
        parts = [part for part in status["components"] if part["component"] == component]
        found = {part["pod"]: part["image"] for part in parts}
        others = [f"{pod} runs {image}" for pod, image in found.items() if asked not in ("", version_of(image))]
        detail = f"{', '.join(others)}, {asked} was asked for" if others else f"{len(parts)} pods"
        checks.append(_check(f"{component} of the version under test", not others, detail))
        digests = {part["pod"]: digest_of(part["image_id"]) or "no image yet" for part in parts}
        one = len(set(digests.values())) == 1 and all(digest_of(part["image_id"]) for part in parts)
        mixed = ", ".join(f"{pod} runs {digest}" for pod, digest in digests.items()) or "no pod"
        detail = next(iter(digests.values())) if one else f"a mixed release: {mixed}"
        checks.append(_check(f"{component} of one image", one, detail))
    return checks


def _of_components(run: Run, status: dict[str, Any]) -> list[dict[str, Any]]:
    checks = []
    for part in status["components"]:
        if part["component"] == "sink" or part["admin_url"] is None:
            checks.append(_check(f"{part['replica']} ready", bool(part["ready"]), "as the target's status says"))
            continue
        answer = platform_api.get_status(f"{part['admin_url']}/readyz")
        checks.append(_check(f"{part['replica']} ready", answer == 200, f"/readyz: HTTP {answer}"))
        if part["component"] != run.plan.environment.under_load:
            continue  # the queue is that of the component that takes the load
        try:
            depth = platform_api.read_metric(part["admin_url"], "phantommesh_queue_depth")
            checks.append(_check(f"{part['replica']} queue empty", depth == 0, f"depth {depth:g}"))
        except platform_api.ApiError as error:
            checks.append(_check(f"{part['replica']} queue empty", False, str(error)))
    return checks


def _of_interfaces(run: Run, status: dict[str, Any]) -> list[dict[str, Any]]:
    checks = []
    for dataset, name, url in (
        ("collect/audit.parquet", "audit trail", f"{status['base_url']}/v1/audit"),
        ("collect/deliveries.parquet", "sink", f"{status['sink_url']}/deliveries"),
    ):
        if why := run.plan.environment.absent.get(dataset):
            checks.append(_check(f"{name} answers", True, why))
            continue
        try:
            rows = sum(1 for _ in platform_api.stream(url, run.source("before the load")))
            checks.append(_check(f"{name} answers", rows == 0, f"{rows} rows before the load"))
        except platform_api.ApiError as error:
            checks.append(_check(f"{name} answers", False, str(error)))
    return checks


def _of_measuring(run: Run, status: dict[str, Any]) -> list[dict[str, Any]]:
    asking = asking_of(run)
    if asking is None:
        return []
    problem = unmeasured(asking, status)
    return [_check("Prometheus measures every replica", not problem, problem or "each of the last moments")]
