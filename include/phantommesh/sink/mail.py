"""The sink's mail server: an SMTP listener that takes every message and records the alerts in it."""

import asyncio
import email
import logging
import re
import time
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope

from phantommesh.placement import Address
from phantommesh.serving import BACKLOG, shared_socket
from phantommesh.sink.formats import LEVEL, UUID, unescaped
from phantommesh.sink.record import Record, Taken

_ALERT = re.compile(
    rf"^({LEVEL}) [^\r\n]*\r?\n  delivery ({UUID}) event ({UUID}) incident {UUID}\r?\n  from ([^\r\n]*)\r?$",
    re.MULTILINE,
)
_log = logging.getLogger(__name__)


class _Handler:
    """What aiosmtpd calls (https://aiosmtpd.aio-libs.org/en/latest/handlers.html)."""

    def __init__(self, record: Record) -> None:
        self._record = record

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802  its name
        """Record a message before it is answered."""
        received_at_ns = time.time_ns()
        content = envelope.content
        if not isinstance(content, bytes):
            return "554 5.6.0 not a message"
        try:
            self._record.add("email", alerts_of(content), received_at_ns)
        except OSError as error:
            _log.warning("a message is not recorded: %s", error)
            return "452 4.3.1 Insufficient system storage"
        return "250 2.0.0 OK"


def alerts_of(content: bytes) -> list[Taken]:
    """The alerts in a message."""
    return [
        Taken(match[2], match[3], unescaped(match[4]), match[1])
        for text in _texts(content)
        for match in _ALERT.finditer(text)
    ]


def _texts(content: bytes) -> list[str]:
    head, _, body = content.partition(b"\r\n\r\n")
    if b"\r\nContent-Transfer-Encoding: 7bit" in head and b"multipart" not in head:
        return [body.decode("ascii", "replace")]
    parts = (part for part in email.message_from_bytes(content).walk() if part.get_content_type() == "text/plain")
    payloads = (part.get_payload(decode=True) for part in parts)
    return [payload.decode("utf-8", "replace") for payload in payloads if isinstance(payload, bytes)]


async def serve(at: Address, record: Record) -> None:
    """Serve until cancelled. Raises OSError when the port cannot be bound."""
    # aiosmtpd tells every command of every message at level info: more lines than the deliveries that are recorded.
    logging.getLogger("mail.log").setLevel(logging.WARNING)
    handler = _Handler(record)
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(handler, hostname="sink", ident="PhantomMesh sink"),
        sock=shared_socket(at.port, at.host),
        backlog=BACKLOG,
    )
    try:
        await asyncio.Event().wait()
    finally:
        server.close()
