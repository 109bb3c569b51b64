"""What verify asks of an ingress: that the API is healthy through it, and that it is the API of this platform.

Any healthy platform answers a question. So one event is sent through the ingress, and this platform's audit trail, read
by the Service, must have it: an ingress that leads elsewhere would be measured in place of the release, and threats for
one platform be sent to another.
"""

import time
import uuid
from typing import Any

from readiness.clients import platform_api
from readiness.clients.ingress import IngressError, WayIn, answer_through, refusal, status_through
from readiness.clients.probes.event import Head, WriteRequests
from readiness.stages.run import Run

SCENARIO = "through the ingress"
_PASSES = (404, 502, 503, 504)
_PATIENCE_S = 10.0
"""An ingress learns a moment late which replicas have become ready; until then it answers with one of these. And what
was acknowledged is in the audit trail at once, unless this machine did not run its reader."""
_ACCEPTED = 202


def ingress_checks(run: Run, status: dict[str, Any]) -> list[dict[str, Any]]:
    """None where the environment names no ingress. ``status``: the target's."""
    healthy, leads_here = "API healthy through the ingress", "ingress leads to this platform"
    try:
        way = run.way_in()
        if way is None:
            return []
        answer = _settled(way)
        if refused := refusal(way, answer):
            return [_check(healthy, refused)]
        found = [_check(healthy, "", f"{way.host} at {way.url}: HTTP {answer}")]
        return [*found, _check(leads_here, *_leads_here(run, way, str(status["base_url"])))]
    except IngressError as error:
        return [_check(healthy, str(error))]


def _check(name: str, problem: str, detail: str = "") -> dict[str, Any]:
    return {"name": name, "ok": not problem, "detail": problem or detail}


def _settled(way: WayIn) -> int:
    """HTTP status, once it is none that passes by itself, or after the patience."""
    ends_s = time.monotonic() + _PATIENCE_S
    while (status := status_through(way)) in _PASSES and time.monotonic() < ends_s:
        time.sleep(0.2)  # between two looks at the condition
    return status


def _leads_here(run: Run, way: WayIn, base_url: str) -> tuple[str, str]:
    """What is wrong, and what was seen. The event is one of those that probes send: due at no channel."""
    if why := run.plan.environment.absent.get("collect/audit.parquet"):
        return "", f"not asked: {why}"
    source, event_id = run.source(SCENARIO), str(uuid.uuid4())
    head = Head(way.host, reused=False, authorization=way.authorization)
    answer = answer_through(way, WriteRequests(head, source).make(0, event_id, time.time_ns()))
    if answer != _ACCEPTED:
        return f"an event sent through {way.url} is answered with HTTP {answer}, not {_ACCEPTED}", ""
    ends_s = time.monotonic() + _PATIENCE_S
    while True:
        try:
            if any(row.get("event_id") == event_id for row in platform_api.stream(f"{base_url}/v1/audit", source)):
                return "", "an event that was sent through it is in the audit trail"
        except platform_api.ApiError as error:
            return str(error), ""
        if time.monotonic() > ends_s:
            return (
                f"an event that {way.host} at {way.url} acknowledged is not in the audit trail of {base_url}: another "
                "platform answers there; see its routes, and cluster.ingress"
            ), ""
        time.sleep(0.2)  # between two looks at the condition
