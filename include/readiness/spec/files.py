"""Scenario and environment files into the model."""

from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from readiness.model.drill import ACTIONS
from readiness.model.environment import Environment
from readiness.model.environment_kinds import ENVIRONMENT_KINDS, AnyEnvironment
from readiness.model.scenario import Scenario
from readiness.model.written import UserModel
from readiness.spec.problem import Problem, SpecError
from readiness.spec.yaml_source import Location, Source, read_source

M = TypeVar("M", bound=UserModel)
_LONGEST_VALUE = 60


def read_scenario(path: Path) -> Scenario:
    """One scenario file. Raises SpecError with every problem."""
    return _read(path, Scenario)


def read_environment(path: Path) -> AnyEnvironment:
    """One environment file, of the kind that its driver says. Raises SpecError with every problem."""
    source = read_source(path)
    driver = source.data.get("driver")
    if isinstance(driver, str) and driver in ENVIRONMENT_KINDS:
        return _checked(source, source.data, ENVIRONMENT_KINDS[driver])
    # Which other keys are legal, the driver decides: they are checked once it is known.
    legal = ", ".join(ENVIRONMENT_KINDS)
    found = "this key is missing" if driver is None else f"{driver!r} is none that there is"
    raise SpecError([Problem(source.file, source.line(("driver",)), "driver", f"{found}; legal are {legal}")])


def read_any(path: Path) -> Scenario | Environment:
    """A file of either kind: what lies in a folder called environments is one. Raises SpecError."""
    return read_environment(path) if path.parent.name == "environments" else read_scenario(path)


def read_all(paths: list[Path]) -> tuple[list[Scenario | Environment], list[Problem]]:
    """What can be read of the files, and every problem of all of them, names used twice included."""
    found: list[Scenario | Environment] = []
    problems: list[Problem] = []
    owners: dict[tuple[type, str], Path] = {}
    for path in paths:
        try:
            item = read_any(path)
        except SpecError as error:
            problems.extend(error.problems)
            continue
        first = owners.setdefault((type(item), item.name), path)
        if first != path:
            line = read_source(path).line(("name",))
            problems.append(Problem(str(path), line, "name", f"{item.name!r} is already the name of {first}"))
        found.append(item)
    return found, problems


def _read(path: Path, kind: type[M]) -> M:
    source = read_source(path)
    return _checked(source, source.data, kind)


def _checked(source: Source, data: dict[str, Any], kind: type[M]) -> M:
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        raise SpecError([_problem(source, kind, dict(item)) for item in error.errors()]) from error


def _problem(source: Source, kind: type[UserModel], error: dict[str, Any]) -> Problem:
    location = _written(source.data, tuple(error["loc"]), missing=error["type"] == "missing")
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        message = f"unknown key; legal keys are {', '.join(_legal_keys(kind, tuple(error['loc'])))}"
    elif error["type"].startswith("union_tag"):
        return _unknown_kind(source, location, error["ctx"] | {"found": error["input"]})
    elif error["type"] == "missing":
        message = "this key is missing"
    elif not isinstance(error["input"], (dict, list)) and repr(error["input"]) not in message:
        shown = repr(error["input"])
        message += f"; found {shown if len(shown) <= _LONGEST_VALUE else shown[:_LONGEST_VALUE] + '...'}"
    return Problem(source.file, source.line(location), ".".join(map(str, location)), message)


def _written(data: Any, location: Location, *, missing: bool) -> Location:
    """The location as it stands in the file: pydantic puts the kind of a step ("kill") between its number and its keys,
    where nobody wrote it. ``missing``: the last part is a key that should be there."""
    found: Location = ()
    for depth, part in enumerate(location):
        there = part in data if isinstance(data, dict) else isinstance(data, list) and isinstance(part, int)
        if there or (missing and depth == len(location) - 1):
            found += (part,)
            data = data[part] if there else None
    return found


def _unknown_kind(source: Source, location: Location, context: dict[str, Any]) -> Problem:
    """A step whose action is missing or none that there is."""
    key = context["discriminator"].strip("'")
    given = context["found"].get(key) if isinstance(context["found"], dict) else None
    legal = context.get("expected_tags") or ", ".join(map(repr, ACTIONS))
    what = f"this key is missing; write {key}: and" if given is None else f"{given!r} is none that there is; write"
    location = (*location, key)
    return Problem(source.file, source.line(location), ".".join(map(str, location)), f"{what} one of {legal}")


def _legal_keys(kind: type[UserModel], location: Location) -> list[str]:
    """The keys that the mapping around ``location`` may have, from the model's JSON schema."""
    schema = kind.model_json_schema()
    node: dict[str, Any] = schema
    for part in location[:-1]:
        node = _deref(schema, node)
        kinds = node.get("discriminator", {}).get("mapping", {})
        node = (
            {"$ref": kinds[part]} if part in kinds else node["items"] if isinstance(part, int) else _member(node, part)
        )
    return list(_deref(schema, node).get("properties", {}))


def _member(node: dict[str, Any], key: str) -> dict[str, Any]:
    member: dict[str, Any] = node.get("properties", {}).get(key) or node.get("additionalProperties", {})
    return member


def _deref(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    for choice in node.get("anyOf", ()):
        if "$ref" in choice:
            node = choice
    while "$ref" in node:
        node = schema["$defs"][node["$ref"].rsplit("/", 1)[1]]
    return node
