"""How far a running platform may scale: ``phantommesh scale``."""

from dataclasses import replace

from phantommesh.supervision.failure import PlatformError
from phantommesh.supervision.state import State


def allow(state: State, most: int) -> None:
    """Let the platform of a state folder scale out to ``most`` replicas from its next decision on. Raises PlatformError
    when it does not scale, or not so far."""
    run, scaling = state.read_run(), state.read_scaling()
    if run is None or scaling is None:
        raise PlatformError(f"{state.folder}: no platform that scales runs there; start one with: up --max-replicas N")
    if not scaling.least <= most <= len(run.admin_ports):
        legal = f"{scaling.least} to {len(run.admin_ports)}"
        raise PlatformError(f"--max-replicas {most}: legal are {legal}, as `up` was asked for")
    state.write_scaling(replace(scaling, most=most))
