"""``python -m phantommesh.automation STATE INDEX``: one replica; serves until SIGTERM."""

import asyncio
import logging
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import uvloop

from phantommesh import __version__
from phantommesh.automation.replica import Replica
from phantommesh.config.load import from_json
from phantommesh.logs.begin import begin_logging
from phantommesh.supervision.state import State

_log = logging.getLogger("phantommesh.automation")


async def _live(state: State, index: int) -> None:
    run = state.read_run()
    if run is None:
        sys.exit(f"{state.folder}: no run is recorded")
    name, config = f"automation-{index}", from_json(state.config.read_bytes())
    begin_logging(config.logging, name)
    blocking = ThreadPoolExecutor(config.system.worker_threads, "blocking")
    asyncio.get_running_loop().set_default_executor(blocking)
    _log.info("starts", extra={"version": __version__, "port": run.port, "admin_port": run.admin_ports[index]})
    placement = run.placement("automation", index)
    await Replica(name, placement, config, state.models(config.ml_training.models_dir)).live()
    _log.info("has drained and ends")


if __name__ == "__main__":
    uvloop.run(_live(State(Path(sys.argv[1])), int(sys.argv[2])))
