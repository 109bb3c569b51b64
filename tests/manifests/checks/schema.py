"""Each object is one that Kubernetes, or the operator that defines its kind, would take."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
from kubernetes_validate.utils import schema_contents
from referencing import Registry, Resource

from manifests.checks import check
from manifests.objects import Manifests, Object, title

VERSION = "1.36"
_FOLDER = f"kubernetes-json-schema/v{VERSION}.0-local-strict"
DEFINED = Path(__file__).parents[1] / "custom_resources.json"


@cache
def _registry() -> Any:
    """The definitions that all schemas refer to. kubernetes_validate.validate reads them anew for each object."""
    return Resource.from_contents(schema_contents(f"{_FOLDER}/_definitions.json", VERSION)) @ Registry()


@cache
def _custom() -> dict[str, Any]:
    """The schemas of what operators define: of each kind the keys that are used here, and no others."""
    found: dict[str, Any] = json.loads(DEFINED.read_text())
    return found


@cache
def _validator(api: str, kind: str) -> Any:
    """None: no schema is known."""
    own = _custom().get(f"{api} {kind}")
    if own is not None:
        return jsonschema.Draft202012Validator(own)
    # rbac.authorization.k8s.io/v1 -> rbac-v1
    name = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", api)
    try:
        schema = schema_contents(f"{_FOLDER}/{kind.lower()}-{name}.json", VERSION)
    except FileNotFoundError:
        return None
    return jsonschema.Draft202012Validator(schema, registry=Resource.from_contents(schema) @ _registry())


@check("an unknown key is silently dropped or refused; either way it does not do what was meant")
def is_what_kubernetes_takes(manifests: Manifests) -> Iterator[str]:
    for item in manifests.objects:
        yield from (f"{title(item)}: {problem[:300]}" for problem in _problems(item))


def _problems(item: Object) -> Iterator[str]:
    api, kind = str(item.get("apiVersion")), str(item.get("kind"))
    validator = _validator(api, kind)
    if validator is None:
        yield f"there is no {kind} in {api}, as far as Kubernetes {VERSION} and custom_resources.json know"
        return
    for error in validator.iter_errors(item):
        yield f"{'.'.join(map(str, error.absolute_path)) or 'the object'}: {error.message}"
