"""``python -m phantommesh.automation STATE INDEX``: one replica; serves until SIGTERM."""

import logging
import sys
from pathlib import Path

import uvloop

from phantommesh.automation.replica import Replica
from phantommesh.config.load import from_json
from phantommesh.supervision.state import State


async def _live(state: State, index: int) -> None:
    run = state.read_run()
    if run is None:
        sys.exit(f"{state.folder}: no run is recorded")
    config = from_json(state.config.read_bytes())
    await Replica(f"automation-{index}", run.admin_ports[index], run, config, state.models).live()


if __name__ == "__main__":
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    uvloop.run(_live(State(Path(sys.argv[1])), int(sys.argv[2])))
