"""``python -m phantommesh.sink STATE``: serve until SIGTERM."""

import logging
import sys
from pathlib import Path

import uvloop

from phantommesh import __version__
from phantommesh.config.load import from_json
from phantommesh.logs.begin import begin_logging
from phantommesh.sink.life import live
from phantommesh.supervision.state import State

_log = logging.getLogger("phantommesh.sink")


async def _serve(state: State) -> None:
    run = state.read_run()
    if run is None:
        sys.exit(f"{state.folder}: no run is recorded")
    begin_logging(from_json(state.config.read_bytes()).logging, "sink-0")
    _log.info("starts", extra={"version": __version__, "port": run.sink_port, "smtp_port": run.sink_smtp_port})
    await live(run.sink, state.sink_record)
    _log.info("ends")


if __name__ == "__main__":
    uvloop.run(_serve(State(Path(sys.argv[1]))))
