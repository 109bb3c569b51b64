"""Which process of a stage runs first when there are more than processors."""

import contextlib
import os

_FIRST = -15
_STANDS_BACK = 10
"""A tenth of the processor time of one that does not, and no longer in its way when that wakes up (sched(7))."""


def raise_priority() -> int:
    """Have this process run before others where the system lets it; its nice value then. Without the privilege it runs
    as it does, and a stall that follows is seen in the lags."""
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, _FIRST)
    return os.getpriority(os.PRIO_PROCESS, 0)


def give_way() -> int:
    """Have this process run after those that keep times exactly - the generator, the prober - where they cannot put
    themselves before others, as in a pod; its nice value then. Where they can, nothing: what is observed once a second
    must not wait for everything else on the machine."""
    mine = os.getpriority(os.PRIO_PROCESS, 0)
    try:
        os.setpriority(os.PRIO_PROCESS, 0, mine - 1)
    except PermissionError:
        os.setpriority(os.PRIO_PROCESS, 0, mine + _STANDS_BACK)
    else:
        os.setpriority(os.PRIO_PROCESS, 0, mine)
    return os.getpriority(os.PRIO_PROCESS, 0)
