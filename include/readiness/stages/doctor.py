"""Doctor: can this environment be used? Everything that is known to go wrong, before anything is changed."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from readiness.clients.external_target import RunningTarget
from readiness.clients.kubernetes.doctor.examination import examine
from readiness.clients.target_process import TargetError
from readiness.model.environment import ExternalEnvironment, LocalEnvironment
from readiness.model.environment_kinds import AnyEnvironment
from readiness.model.finding import Finding, FindingState, fine, problem
from readiness.model.kubernetes_environment import KubernetesEnvironment
from readiness.stages.run import StageError

_FOR_PODS = "stages"


def findings(environment: AnyEnvironment, project: Path) -> Iterator[Finding]:
    """What there is to say of the environment, as it is found. ``project``: the folder that the files of a cluster's
    environment name paths in."""
    if isinstance(environment, KubernetesEnvironment):
        yield from examine(environment, project)
    elif isinstance(environment, LocalEnvironment):
        yield from _installed(environment)
    else:
        yield from _answers(environment)


def require_usable(environment: AnyEnvironment, project: Path) -> None:
    """Raises StageError with the first problem, before anything is changed. What only stages in pods need is no matter
    for this one, which runs already."""
    problems = [
        finding
        for finding in findings(environment, project)
        if finding.state is FindingState.PROBLEM and finding.check != _FOR_PODS
    ]
    if problems:
        more = f" (and {len(problems) - 1} more: readiness doctor --environment {environment.name})"
        raise StageError(problems[0].says + (more if len(problems) > 1 else ""))


def _installed(environment: LocalEnvironment) -> Iterator[Finding]:
    """The programs of its commands are there."""
    own = str(Path(sys.executable).parent)
    commands = environment.commands
    for command in (commands.up, commands.status, commands.down, commands.scale):
        if command is None:
            continue
        program = command[0].replace("{python}", own)
        if shutil.which(program, path=own + os.pathsep + os.environ.get("PATH", os.defpath)) is None:
            yield problem("commands", f"the command {command[0]!r} of the environment file is not installed here")
            return
    yield fine("commands", "the programs that start, ask and stop the target are there")


def _answers(environment: ExternalEnvironment) -> Iterator[Finding]:
    """The target that runs already says that it is ready."""
    try:
        state = RunningTarget(environment).status()["state"]
    except (TargetError, ValueError) as error:
        yield problem("target", str(error))
        return
    if state != "ready":
        yield problem("target", f"the target at {environment.target.base_url} says {state}; it must be ready")
        return
    yield fine("target", f"the target at {environment.target.base_url} is ready")
