"""``python -m phantommesh.sink STATE``: serve until SIGTERM."""

import asyncio
import logging
import signal
import sys
from functools import partial
from pathlib import Path

import uvloop

from phantommesh import __version__
from phantommesh.config.load import from_json
from phantommesh.logs.begin import begin_logging
from phantommesh.serving import Server
from phantommesh.short_way import ShortWayProtocol
from phantommesh.sink import mail
from phantommesh.sink.api import SinkApp
from phantommesh.sink.record import Record
from phantommesh.supervision.state import State

MAX_CONNECTIONS = 4096
_log = logging.getLogger("phantommesh.sink")


async def _serve(state: State) -> None:
    run = state.read_run()
    if run is None:
        sys.exit(f"{state.folder}: no run is recorded")
    begin_logging(from_json(state.config.read_bytes()).logging, "sink-0")
    _log.info("starts", extra={"version": __version__, "port": run.sink_port, "smtp_port": run.sink_smtp_port})
    record = Record(state.sink_record)
    app = SinkApp(record)
    server = Server(app, run.sink_port, partial(ShortWayProtocol, app.channel_at, MAX_CONNECTIONS, lambda: False))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.end)
    smtp = asyncio.create_task(mail.serve(run.sink_smtp_port, record))
    http = asyncio.create_task(server.run_here())
    done, _ = await asyncio.wait([smtp, http], return_when=asyncio.FIRST_COMPLETED)
    smtp.cancel()
    server.end()
    await asyncio.wait([http])
    for task in done:
        task.result()  # a listener that could not begin ends the process, and says why
    _log.info("ends")


if __name__ == "__main__":
    uvloop.run(_serve(State(Path(sys.argv[1]))))
