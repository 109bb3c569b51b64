"""kubectl, as far as the engine uses it, on the state of a fake cluster. ``sys.argv[1]``: the file of the state."""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
from fake_cluster.controllers import apply, remove, settle, stored
from fake_cluster.state import Object, RefusedError, add, apply_operations, check, merge, objects, one, opened, touch

KINDS = {
    "pod": "Pod", "service": "Service", "secret": "Secret", "configmap": "ConfigMap", "namespace": "Namespace",
    "serviceaccount": "ServiceAccount", "node": "Node", "event": "Event", "resourcequota": "ResourceQuota",
    "deployment": "Deployment", "deployment.apps": "Deployment", "statefulset": "StatefulSet",
    "statefulset.apps": "StatefulSet", "daemonset": "DaemonSet", "lease": "Lease", "networkpolicy": "NetworkPolicy",
    "networkpolicy.networking.k8s.io": "NetworkPolicy", "horizontalpodautoscaler": "HorizontalPodAutoscaler",
    "poddisruptionbudget": "PodDisruptionBudget",
}  # fmt: skip
CLUSTER_WIDE = ("Namespace", "Node")


def kind_of(word: str) -> str:
    if word in KINDS:
        return KINDS[word]
    single = re.sub(r"^(\w+?)(ie)?s(\..*)?$", lambda m: m[1] + ("y" if m[2] else "") + (m[3] or ""), word)
    return KINDS[single]


def answer(state: Object, words: list[str], options: dict[str, str], stdin: str) -> Any:
    """What is printed: an object, or text. Raises RefusedError."""
    if state.get("unreachable"):
        state["unreachable"] -= 1
        raise ConnectionRefusedError
    verb, *rest = words
    if verb in ("apply", "get") and "filename" in options:
        return (apply if verb == "apply" else stored)(state, json.loads(stdin))
    if "raw" in options:
        return raw(state, verb, options["raw"], stdin)
    if verb == "create":
        return create(state, json.loads(stdin), options)
    if verb == "get" and len(rest) == 1:
        return listed(state, rest[0].split(","), options)
    return of_one(state, verb, rest, options, stdin)


def of_one(state: Object, verb: str, rest: list[str], options: dict[str, str], stdin: str) -> Any:
    """Something about one object. Raises RefusedError."""
    kind, namespace = kind_of(rest[0].lower()), options.get("namespace")
    if verb == "delete" and "ignore-not-found" in options and not named(state, kind, rest[1]):
        return ""
    refuse(state, f"{verb} {kind}")
    place = None if kind in CLUSTER_WIDE else namespace
    item = one(state, kind, place, rest[1])
    if verb == "patch":
        patch(item, json.loads(stdin), options)
        touch(state, item)
        settle(state)
    elif verb == "delete":
        remove(state, item)
    elif verb != "get":
        raise RefusedError("MethodNotAllowed", f"the fake cluster has no {verb}")
    return scale_of(item) if options.get("subresource") == "scale" else item


def named(state: Object, kind: str, name: str) -> bool:
    return any(item["metadata"]["name"] == name for item in objects(state, kind, None))


def listed(state: Object, words: list[str], options: dict[str, str]) -> Any:
    """The objects of several kinds, or their names."""
    found = []
    for kind in map(kind_of, words):
        refuse(state, f"get {kind}")
        place = None if kind in CLUSTER_WIDE or "all" in options else options.get("namespace")
        found += objects(state, kind, place)
    if options.get("output") == "name":
        return "\n".join(f"{item['kind'].lower()}/{item['metadata']['name']}" for item in found)
    return {"kind": "List", "items": found}


def scale_of(item: Object) -> Object:
    return {"kind": "Scale", "metadata": item["metadata"], "spec": {"replicas": item["spec"]["replicas"]}}


def patch(item: Object, wanted: Any, options: dict[str, str]) -> None:
    if options["type"] == "json":
        apply_operations(item, wanted)
        return
    meta = wanted.get("metadata", {})
    check(item, {key: meta[key] for key in ("resourceVersion", "uid") if key in meta})
    merge(item, wanted)


def create(state: Object, item: Object, options: dict[str, str]) -> Object:
    if item["kind"] == "SelfSubjectReview":
        return item | {"status": {"userInfo": {"username": state["user"]}}}
    if item["kind"] == "SelfSubjectRulesReview":
        who = options.get("as", state["user"])
        if "as" in options:
            refuse(state, "impersonate ServiceAccount")
        rules = state["rules"].get(who.rpartition(":")[2], state["rules"].get("*", []))
        return item | {"status": {"resourceRules": rules, "incomplete": state.get("incomplete", False)}}
    refuse(state, f"create {item['kind']}")
    item["metadata"]["namespace"] = options["namespace"]
    return add(state, item)


def raw(state: Object, verb: str, path: str, stdin: str) -> Any:
    if verb == "get":
        if path == "/version":
            return {"gitVersion": "v1.36.0"}
        if path not in state["apis"]:
            raise RefusedError("NotFound", "the server could not find the requested resource")
        return {"resources": [{"kind": kind, "name": f"{kind.lower()}s"} for kind in state["apis"][path]]}
    parts = path.strip("/").split("/")
    at = parts.index("namespaces")
    namespace, kind, name = parts[at + 1], kind_of(parts[at + 2]), parts[at + 3]
    body = json.loads(stdin)
    if verb == "create":  # an eviction
        refuse(state, "create Eviction")
        refuse_eviction(state, name)
        body = body.get("deleteOptions", {})
    else:
        refuse(state, f"delete {kind}")
    item = one(state, kind, namespace, name)
    check(item, body.get("preconditions", {}))
    state["objects"].remove(item)
    settle(state)
    return {"kind": "Status", "status": "Success"}


def refuse_eviction(state: Object, name: str) -> None:
    """As a disruption budget does, so many times."""
    if state.get("guarded", 0) > 0:
        state["guarded"] -= 1
        raise RefusedError(
            "TooManyRequests", f"Cannot evict pod {name} as it would violate the pod's disruption budget."
        )


def refuse(state: Object, what: str) -> None:
    if what in state["forbidden"]:
        verb, kind = what.split(" ")[:2]
        raise RefusedError("Forbidden", f'{kind.lower()}s is forbidden: User "{state["user"]}" cannot {verb} it')


def parsed(arguments: list[str]) -> tuple[list[str], dict[str, str]]:
    words, options = [], {}
    for argument in arguments:
        if argument == "-A":
            options["all"] = "yes"
        elif argument.startswith("--"):
            name, _, value = argument.removeprefix("--").partition("=")
            options[name] = value
        else:
            words.append(argument)
    return words, options


def main() -> int:
    path, arguments = Path(sys.argv[1]), sys.argv[2:]
    words, options = parsed(arguments)
    if words[0] in ("kustomize", "annotate"):  # these never ask a cluster
        os.execv(os.environ["REAL_KUBECTL"], ["kubectl", *arguments])
    stdin = "" if sys.stdin.isatty() else sys.stdin.read()
    with opened(path) as state:
        state["calls"].append({"words": words, "options": options, "stdin": stdin})
        if words[:2] == ["config", "current-context"]:
            print(state["context"])
            return 0 if state["context"] else 1
        try:
            said = answer(state, words, options, stdin)
        except RefusedError as error:
            print(f"Error from server ({error.reason}): {error}", file=sys.stderr)
            return 1
        except ConnectionRefusedError:
            print("The connection to the server 198.18.250.2:6443 was refused - is it the right one?", file=sys.stderr)
            return 1
    print(said if isinstance(said, str) else json.dumps(said))
    return 0


if __name__ == "__main__":
    sys.exit(main())
