"""Plan: what was asked for, resolved and frozen, before anything is started."""

import importlib.metadata
import os
import platform
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from readiness.clients.home import Home, checked_run_id
from readiness.model.document import sha256, to_json
from readiness.model.environment import Environment
from readiness.model.environment_kinds import AnyEnvironment
from readiness.model.evidence import RUN_SCOPE, StageRef
from readiness.model.kubernetes_environment import KubernetesEnvironment
from readiness.model.run import Purpose, RunPlan
from readiness.model.scenario import Scenario
from readiness.model.written import ProfileName
from readiness.spec.files import read_environment, read_scenario
from readiness.stages.recording import recording
from readiness.stages.run import Run, StageError

_SEED_BITS = 31


@dataclass(frozen=True)
class Request:
    """What a person or a DAG asks for. ``None`` and empty: as the environment has it. ``folder``: of the scenarios."""

    environment: str
    scenarios: tuple[str, ...]
    folder: Path
    profile: ProfileName | None = None
    version: str = ""
    sign_off: bool | None = None
    replicas: int | None = None
    port: int = 0
    requested_by: str = ""
    seed: int | None = None
    purpose: Purpose = "release"


def new_run_id(request: Request) -> str:
    """An id that sorts by time and tells people what ran."""
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    return f"{now}-{request.environment}-{secrets.token_hex(3)}"


def plan(home: Home, run_id: str, request: Request) -> RunPlan:
    """Read and check the files, resolve the request and seal it. Raises SpecError for bad files and StageError for
    a request that cannot be executed."""
    run = Run(home, checked_run_id(run_id))
    ref = StageRef(RUN_SCOPE, "plan")
    if run.archive.is_sealed(run_id, ref):
        raise StageError(f"run {run_id} has a plan already; a run is planned once, take another id")
    resolved = resolve(run_id, request)
    with recording(run, ref) as record:
        record.write("run.json", resolved)
        record.fingerprint.update(resolved.fingerprint)
    return resolved


def resolve(run_id: str, request: Request) -> RunPlan:
    """The plan that the request leads to; nothing is written."""
    environment = environment_named(request.folder, request.environment)
    if not request.scenarios or len(set(request.scenarios)) != len(request.scenarios):
        raise StageError(f"scenarios: name at least one, each once; found {', '.join(request.scenarios) or 'none'}")
    profile = request.profile or environment.default_profile
    scenarios = tuple(
        read_scenario(_file(request.folder, name, "scenario")).in_profile(profile) for name in request.scenarios
    )
    for scenario in scenarios:
        _require_executable(scenario, environment)
        if request.purpose == "drill" and scenario.drill is None:
            raise StageError(f"scenario {scenario.name}: has no drill, and this run is to be one")
    asked_to_sign = environment.sign_off or bool(request.sign_off)  # nobody talks an environment out of its signature
    replicas = request.replicas or environment.components[environment.under_load].replicas
    return RunPlan(
        schema=1,
        run_id=run_id,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        requested_by=request.requested_by,
        environment=environment,
        scenarios=scenarios,
        profile=profile,
        version_under_test=request.version,
        sign_off=asked_to_sign and request.purpose == "release",  # a drill gates nothing that could be signed
        replicas=replicas,
        port=request.port,
        seed=secrets.randbits(_SEED_BITS) if request.seed is None else request.seed,
        fingerprint=_fingerprint(environment, scenarios, profile, replicas),
        purpose=request.purpose,
        follows_images=isinstance(environment, KubernetesEnvironment),
    )


def every_scenario(folder: Path) -> tuple[str, ...]:
    """The names of all scenarios, in the order to run them in: without a fault before with one, few faults before many,
    and a light load before a heavy one, so that what could leave most behind comes last. Raises SpecError."""
    scenarios = [read_scenario(path) for path in sorted(folder.glob("*.yaml"))]
    ordered = sorted(
        scenarios, key=lambda item: (len(item.drill.steps) if item.drill else 0, item.load.rate, item.name)
    )
    return tuple(item.name for item in ordered)


def environment_named(folder: Path, name: str) -> AnyEnvironment:
    """The environment of that name below the folder of the scenarios. Raises StageError if there is none, SpecError
    with every problem of its file."""
    return read_environment(_file(folder / "environments", name, "environment"))


def _file(folder: Path, name: str, kind: str) -> Path:
    path = folder / f"{name}.yaml"
    if not path.is_file() or Path(name).name != name:
        legal = ", ".join(sorted(item.stem for item in folder.glob("*.yaml"))) or f"none: {folder} has no *.yaml"
        raise StageError(f"no {kind} {name!r}; legal are {legal}")
    return path


def _require_executable(scenario: Scenario, environment: Environment) -> None:
    """A run that could not be decided is not started."""
    for number, step in enumerate(scenario.drill.steps if scenario.drill else (), 1):
        where = f"scenario {scenario.name}, step {number} of its drill"
        for component in step.components:
            if component not in environment.components:
                raise StageError(f"{where}: the environment {environment.name} has no component {component!r}; it has "
                                 f"{', '.join(environment.components)}")  # fmt: skip
        for kind in step.kinds:
            if why := environment.impossible.get(kind):
                raise StageError(f"{where}: {kind} is not possible in the environment {environment.name}: {why}")
        named = getattr(step, "fault", None)
        if named is not None and named not in environment.faults:
            legal = ", ".join(environment.faults) or "none"
            raise StageError(f"{where}: the environment {environment.name} names no fault {named!r}; it names under "
                             f"faults: {legal}")  # fmt: skip
        if step.link is not None and step.link not in environment.links.through:
            legal = ", ".join(environment.links.through) or "none"
            raise StageError(f"{where}: faults on {step.link} cannot be injected in the environment "
                             f"{environment.name}; it names under links: {legal}")  # fmt: skip


def _fingerprint(
    environment: Environment, scenarios: tuple[Scenario, ...], profile: str, replicas: int
) -> dict[str, Any]:
    return {
        "scenarios": {scenario.name: sha256(to_json(scenario)) for scenario in scenarios},
        "environment": sha256(to_json(environment)),
        "profile": profile,
        "replicas": replicas,
        "generator": {name: importlib.metadata.version(name) for name in ("locust", "gevent", "httptools")},
        "readiness": importlib.metadata.version("phantommesh-readiness"),
        "python": platform.python_version(),
        "machine": {
            "cpu": _cpu_model(),
            "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
            "memory_bytes": psutil.virtual_memory().total,
            "system": f"{platform.system()} {platform.machine()}",
        },
    }


def _cpu_model() -> str:
    """The processor's name; Linux tells it only in /proc/cpuinfo."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
