"""``python -m phantommesh.vpn_core STATE INDEX``: one replica; serves until SIGTERM."""

import logging
import sys
from pathlib import Path

import uvloop

from phantommesh.config.load import from_json
from phantommesh.supervision.state import State
from phantommesh.vpn_core.replica import Replica


async def _live(state: State, index: int) -> None:
    run = state.read_run()
    if run is None:
        sys.exit(f"{state.folder}: no run is recorded")
    config = from_json(state.config.read_bytes())
    await Replica(f"vpn-core-{index}", run.placement("vpn-core", index), config).live()


if __name__ == "__main__":
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    uvloop.run(_live(State(Path(sys.argv[1])), int(sys.argv[2])))
