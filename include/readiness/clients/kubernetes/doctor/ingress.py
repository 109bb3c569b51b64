"""The way in from outside, where the environment names one: it answers, as whom it says, to whom it is told."""

from collections.abc import Iterator

from readiness.clients.ingress import IngressError, refusal, status_through, way_in
from readiness.clients.kubernetes.doctor.ground import Ground
from readiness.model.finding import Finding, fine, problem

_NOTHING_BEHIND = (404, 502, 503, 504)
"""What an ingress says before a release runs behind it. Whether it leads there is the verify stage's to see."""


def ingress(ground: Ground) -> Iterator[Finding]:
    """It is asked as the stages ask it."""
    named = ground.environment.cluster.ingress
    if named is None:
        yield fine("ingress", "the environment file names none (cluster.ingress): the platform is verified and probed "
                   "by its Service alone")  # fmt: skip
        return
    try:
        way = way_in(named, ground.environment.cluster.networks)
        status = status_through(way)
    except IngressError as error:
        yield problem("ingress", str(error))
        return
    refused = refusal(way, status)
    if refused and status not in _NOTHING_BEHIND:
        yield problem("ingress", refused)
    else:
        yield fine("ingress", f"{way.url} answers as {way.host} (HTTP {status})")
