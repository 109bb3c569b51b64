"""The sink's life from start to SIGTERM: both of its servers, and the record that they write."""

import asyncio
import signal
from functools import partial
from pathlib import Path

from phantommesh.placement import Sink
from phantommesh.serving import Server
from phantommesh.short_way import ShortWayProtocol
from phantommesh.sink import mail
from phantommesh.sink.api import SinkApp
from phantommesh.sink.record import Record

MAX_CONNECTIONS = 4096


async def live(at: Sink, file: Path) -> None:
    """Serve until SIGTERM. file: the record. Raises OSError when an address cannot be bound."""
    record = Record(file)
    app = SinkApp(record)
    protocol = partial(ShortWayProtocol, app.channel_at, MAX_CONNECTIONS, lambda: False)
    server = Server(app, at.http.port, protocol, at.http.host)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.end)
    smtp = asyncio.create_task(mail.serve(at.smtp, record))
    http = asyncio.create_task(server.run_here())
    done, _ = await asyncio.wait([smtp, http], return_when=asyncio.FIRST_COMPLETED)
    smtp.cancel()
    server.end()
    await asyncio.wait([http])
    for task in done:
        task.result()  # a listener that could not begin ends the process, and says why
