"""The options of ``phantommesh up`` that say how replicas are scaled."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import click

from phantommesh.scaling.settings import DOWN, Scaling

F = TypeVar("F", bound=Callable[..., Any])


def scaling_options(command: F) -> F:
    """Adds the options; none of them counts without --max-replicas."""
    options = (
        click.option(
            "--max-replicas", type=click.IntRange(1, 16), help="Scale automation up to so many; default: never."
        ),
        click.option(
            "--scale-cpu-percent", default=70.0, show_default=True, type=click.FloatRange(1, 1000),
            help="Scale so that a replica uses this share of its CPU request.",
        ),
        click.option(
            "--cpu-request", default=0.1, show_default=True, type=click.FloatRange(0.001, 64),
            help="Cores that a replica is declared to need.",
        ),
        click.option(
            "--scale-down-window", default=DOWN.window_s, show_default=True, type=click.FloatRange(0, 3600),
            help="Seconds for which fewer replicas must have been enough.",
        ),
        click.option(
            "--scale-period", default=15.0, show_default=True, type=click.FloatRange(1, 300),
            help="Seconds between two decisions.",
        ),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def wished_scaling(
    replicas: int,
    *,
    max_replicas: int | None,
    scale_cpu_percent: float,
    cpu_request: float,
    scale_down_window: float,
    scale_period: float,
) -> Scaling | None:
    """The settings that the options ask for; None when they ask for no more replicas than there are anyway."""
    if max_replicas is None or max_replicas <= replicas:
        return None
    down = replace(DOWN, window_s=scale_down_window)
    return Scaling(replicas, max_replicas, cpu_request, scale_cpu_percent, down=down, sync_s=scale_period)
