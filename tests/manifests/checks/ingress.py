"""The way in from outside."""

import re
from collections.abc import Iterator

from manifests.checks import check
from manifests.objects import Manifests, Object, at, title

# path -> service, and whether a password is asked for at the door.
PATHS = {
    "/events": ("automation", True), "/incidents": ("automation", True), "/v1/events": ("automation", True),
    "/v1/incidents": ("automation", True), "/prometheus": ("prometheus", True), "/grafana": ("grafana", False),
}  # fmt: skip
REWRITES = {"/events": "addPrefix", "/incidents": "addPrefix", "/prometheus": "stripPrefix"}
# What each of the other middlewares does.
PLAIN: list[Object] = [
    {"retry": {"attempts": 3}}, {"addPrefix": {"prefix": "/v1"}}, {"stripPrefix": {"prefixes": ["/prometheus"]}},
]  # fmt: skip
PEAK_PER_S = 25_000 / 60  # the burst that the platform must take


@check("what is open to the outside is encrypted, asks who comes, and bounds how much")
def the_way_in_is_guarded(manifests: Manifests) -> Iterator[str]:
    served: dict[str, tuple[str, bool]] = {}
    for route in manifests.of("IngressRoute"):
        where = title(route)
        if at(route, "spec", "entryPoints") != ["websecure"] or not at(route, "spec", "tls", "secretName"):
            yield f"{where}: is served without TLS"
        for rule in at(route, "spec", "routes", default=[]):
            kinds = _middlewares(manifests, rule)
            yield from _unguarded(where, rule, kinds)
            yield from _waits_for_the_gone(manifests, where, rule, kinds)
            for path in re.findall(r"PathPrefix\(`([^`]*)`\)", str(rule.get("match"))):
                services = [f"{item.get('name')}:{item.get('port')}" for item in rule.get("services", [])]
                served[path] = (",".join(services), "basicAuth" in kinds)
                if path in REWRITES and REWRITES[path] not in kinds:
                    yield f"{where}: {path} reaches its service under a path that it does not know"
    for path in sorted(PATHS.keys() | served.keys()):
        service, asks = PATHS.get(path, ("", True))
        if served.get(path) != (f"{service}:http", asks):
            yield f"IngressRoute phantommesh: {path} leads to {served.get(path)}, not to {service}, password {asks}"


def _unguarded(where: str, rule: Object, kinds: set[str | None]) -> Iterator[str]:
    if None in kinds:
        yield f"{where}: {rule.get('match')}: a middleware is not there"
    if "rateLimit" not in kinds:
        yield f"{where}: {rule.get('match')}: has no rate limit"
    if not str(rule.get("match")).startswith("Host(`"):
        yield f"{where}: {rule.get('match')}: answers under every name"


def _waits_for_the_gone(manifests: Manifests, where: str, rule: Object, kinds: set[str | None]) -> Iterator[str]:
    for service in rule.get("services", []):
        if service.get("name") == "automation":
            transport = manifests.find("ServersTransport", str(service.get("serversTransport")))
            if "retry" not in kinds or transport is None:
                yield f"{where}: {rule.get('match')}: waits for a replica that is gone, or asks no other"


def _middlewares(manifests: Manifests, rule: Object) -> set[str | None]:
    found: set[str | None] = set()
    for named in rule.get("middlewares", []):
        item = manifests.find("Middleware", str(named.get("name")))
        found.add(None if item is None else next(iter(at(item, "spec", default={})), None))
    return found


@check("a rate limit below what the platform must take fails it; one far above guards nothing")
def middlewares_do_what_they_say(manifests: Manifests) -> Iterator[str]:
    for item in manifests.of("ServersTransport"):
        if at(item, "spec") != {"forwardingTimeouts": {"dialTimeout": "250ms"}}:
            yield f"{title(item)}: waits otherwise than 250 ms for a connection"
    for item in manifests.of("Middleware"):
        where, spec = title(item), at(item, "spec", default={})
        if "rateLimit" in spec:
            yield from _wrong_rate(where, spec["rateLimit"])
        elif "basicAuth" in spec:
            secret = str(at(spec, "basicAuth", "secret"))
            if manifests.find("Secret", secret) is None or not secret.startswith("ingress-users"):
                yield f"{where}: there is no Secret {secret}"
            if at(spec, "basicAuth", "removeHeader") is not True:
                yield f"{where}: hands the password on to the service"
        elif spec not in PLAIN:
            yield f"{where}: does {spec}"


def _wrong_rate(where: str, limit: Object) -> Iterator[str]:
    average, period = limit.get("average", 0), limit.get("period", "1s")
    if not PEAK_PER_S < average <= 10 * PEAK_PER_S or period != "1s":
        yield f"{where}: allows {average} requests in {period}"
    if not average <= limit.get("burst", 0) <= 10 * average:
        yield f"{where}: its burst is {limit.get('burst')}"
