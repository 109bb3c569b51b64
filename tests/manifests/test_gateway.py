"""The way in by the Gateway API guards what the ingress guards. No environment has it, so no rule speaks of it."""

from collections.abc import Callable, Iterator
from copy import deepcopy

import pytest

from manifests.checks.ingress import PATHS
from manifests.objects import Manifests, Object, at
from manifests.rendering import render
from manifests.variants import VARIANTS

TRAEFIK_PORT = 8443
"""A listener must have the port of one of Traefik's entry points, https://doc.traefik.io/traefik/reference/
routing-configuration/kubernetes/gateway-api; this is websecure's in its chart, and what k8s/ lets the stages reach."""
REWRITES = {"/events": "addPrefix", "/incidents": "addPrefix"}


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> list[Object]:
    return render(VARIANTS["gateway-api"].written(tmp_path_factory.mktemp("gateway")))


def complaints(items: list[Object]) -> list[str]:
    manifests = Manifests("dev", items)
    served: dict[str, tuple[str, bool]] = {}
    found = list(_listeners(manifests))
    for route in manifests.of("HTTPRoute"):
        (gateway,) = at(route, "spec", "parentRefs")
        listeners = [at(item, "name") for item in at(manifests.of("Gateway")[0], "spec", "listeners")]
        if gateway.get("sectionName") not in listeners or not at(route, "spec", "hostnames"):
            found.append("a route is attached to no listener, or answers under every name")
        for rule in at(route, "spec", "rules"):
            found += _rule(manifests, rule, served)
    found += [f"{path} leads to {served.get(path)}" for path in PATHS if served.get(path) != PATHS[path]]
    return found


def _listeners(manifests: Manifests) -> Iterator[str]:
    for listener in at(manifests.of("Gateway")[0], "spec", "listeners"):
        if listener.get("port") != TRAEFIK_PORT:
            yield f"no entry point of Traefik has the port {listener.get('port')}"
        if listener.get("protocol") != "HTTPS" or not at(listener, "tls", "certificateRefs"):
            yield "the listener has no TLS"


def _rule(manifests: Manifests, rule: Object, served: dict[str, tuple[str, bool]]) -> Iterator[str]:
    names = [at(item, "extensionRef", "name") for item in rule["filters"] if item["type"] == "ExtensionRef"]
    middlewares = [manifests.find("Middleware", str(name)) for name in names]
    if None in middlewares:
        yield f"there is not every middleware of {names}"
    kinds = {next(iter(at(item, "spec"))) for item in middlewares if item}
    (backend,) = rule["backendRefs"]
    if "rateLimit" not in kinds:
        yield "a rule has no rate limit"
    if backend["name"] == "automation" and "retry" not in kinds:
        yield "a replica that is gone is not passed by"
    for match in rule["matches"]:
        path = at(match, "path", "value")
        served[path] = backend["name"], "basicAuth" in kinds
        if path in REWRITES and REWRITES[path] not in kinds:
            yield f"{path} reaches its service under a path that it does not know"


def test_it_guards_what_the_ingress_guards(rendered: list[Object]) -> None:
    assert complaints(rendered) == []


def _listener(items: list[Object]) -> Object:
    found: Object = next(item for item in items if item["kind"] == "Gateway")["spec"]["listeners"][0]
    return found


def _without(name: str) -> Callable[[list[Object]], object]:
    def damage(items: list[Object]) -> None:
        rule = next(item for item in items if item["kind"] == "HTTPRoute")["spec"]["rules"][0]
        rule["filters"] = [item for item in rule["filters"] if at(item, "extensionRef", "name") != name]

    return damage


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda items: _listener(items).update(port=443), "no entry point of Traefik has the port 443"),
        (lambda items: _listener(items).update(protocol="HTTP"), "the listener has no TLS"),
        (lambda items: _listener(items).update(name="other"), "a route is attached to no listener"),
        (_without("rate-limit"), "a rule has no rate limit"),
        (_without("users"), "/events leads to ('automation', False)"),
        (_without("api-version"), "/events reaches its service under a path that it does not know"),
        (_without("another-replica"), "a replica that is gone is not passed by"),
    ],
)
def test_what_is_damaged_is_named(rendered: list[Object], damage: Callable[[list[Object]], object], said: str) -> None:
    items = deepcopy(rendered)
    damage(items)
    assert any(line.startswith(said) for line in complaints(items)), complaints(items)
