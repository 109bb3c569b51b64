"""What can be wrong with a link, as the body of PUT /fault says it."""

from typing import Annotated, Literal

import msgspec

LONGEST_S = 300.0


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """refuse: open connections are reset, new ones refused. drop: nothing arrives until it is over, then all that
    waited does. slow: latency_s more in each direction; bandwidth_bytes_per_s for all connections of a direction
    together, None for no bound. for_s: it is over by itself after that time, whatever became of who asked for it."""

    kind: Literal["refuse", "drop", "slow"]
    for_s: Annotated[float, msgspec.Meta(gt=0, le=LONGEST_S)]
    latency_s: Annotated[float, msgspec.Meta(ge=0, le=60)] = 0.0
    bandwidth_bytes_per_s: Annotated[float, msgspec.Meta(gt=0)] | None = None


def read_fault(body: bytes) -> Fault:
    """Raises ValueError, in words, for what is no fault."""
    return msgspec.json.decode(body, type=Fault)
