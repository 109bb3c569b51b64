"""Email: a digest of alerts over SMTP.

Format: RFC 5321 (transport) and RFC 5322 (message), text as RFC 2045 says. One message holds the whole batch; an alert
is three lines, the second of which names its delivery_id. The Message-ID is derived from the delivery ids, so that a
repeat of the same digest is the same message to a mail reader (RFC 5322, section 3.6.4).

The connection stays open between messages. aiosmtplib is imported with this module: a replica without an email
channel does not pay for it.
"""

import asyncio
import base64
import hashlib
import logging
from collections.abc import Sequence
from email.utils import formatdate
from functools import lru_cache

import aiosmtplib

from phantommesh.automation.channels.contract import ChannelError
from phantommesh.automation.channels.endpoints import EmailEndpoint
from phantommesh.automation.channels.wording import ids, one_line, shown, summary
from phantommesh.automation.delivery import Delivery

_ALERT = b"%b %.1f %b\r\n  delivery %b event %b incident %b\r\n  from %b\r\n"
# Said to the message itself, these refuse it for good: 552 too large, 554 failed (RFC 5321, section 4.2.3).
_REFUSED = frozenset({552, 554})
# Nobody was reached, or the server said no: the message is not there.
_NOT_TAKEN = (aiosmtplib.SMTPConnectError, aiosmtplib.SMTPResponseException, aiosmtplib.SMTPRecipientsRefused)
_log = logging.getLogger(__name__)


class Email:
    """The channel `email`."""

    name = "email"
    max_batch = 200

    def __init__(self, endpoint: EmailEndpoint, timeout_s: float) -> None:
        self._endpoint = endpoint
        self._timeout_s = timeout_s
        self._domain = endpoint.sender.rpartition("@")[2] or "localhost"
        self._head = (
            f"From: PhantomMesh <{endpoint.sender}>\r\nTo: {', '.join(endpoint.recipients)}\r\nMIME-Version: 1.0\r\n"
        )
        self._client: aiosmtplib.SMTP | None = None

    async def post(self, alerts: Sequence[Delivery]) -> None:
        """See Channel.post."""
        message = self._message(alerts)
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._send(message)
        except (TimeoutError, aiosmtplib.SMTPTimeoutError) as error:
            self.close()
            raise ChannelError(f"no answer within {self._timeout_s:g} s", doubtful=alerts) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            self.close()
            refused = isinstance(error, aiosmtplib.SMTPDataError) and error.code in _REFUSED
            doubtful = () if isinstance(error, _NOT_TAKEN) else alerts
            said = " ".join(str(error).split()) or type(error).__name__
            raise ChannelError(said, not refused, doubtful=doubtful) from error
        except BaseException:
            self.close()  # cancelled in the middle of a message
            raise

    def close(self) -> None:
        """See Channel.close."""
        if self._client is not None:
            self._client.close()
            self._client = None

    async def _send(self, message: bytes) -> None:
        if self._client is None or not self._client.is_connected:
            self._client = self._new_client()
            await self._client.connect()
        refused, _ = await self._client.sendmail(self._endpoint.sender, self._endpoint.recipients, message)
        if refused:
            # The other people have it; sending it again would bring it to them twice and to these no sooner.
            _log.warning("email: the server refused %s", ", ".join(f"{to} ({said})" for to, said in refused.items()))

    def _new_client(self) -> aiosmtplib.SMTP:
        place = self._endpoint
        return aiosmtplib.SMTP(
            hostname=place.host, port=place.port, timeout=self._timeout_s, local_hostname=self._domain,
            username=place.username, password=place.password, start_tls=place.starttls,
        )  # fmt: skip

    def _message(self, alerts: Sequence[Delivery]) -> bytes:
        parts = [_alert(alert) for alert in alerts]
        text = b"".join(parts)
        digest = hashlib.sha256(b"".join(ids(alert)[0] for alert in alerts)).hexdigest()[:32]
        plain = text.isascii()
        head = (
            f"{self._head}Subject: PhantomMesh: {summary(alerts)}\r\nDate: {formatdate()}\r\n"
            f"Message-ID: <{digest}@{self._domain}>\r\nContent-Type: text/plain; charset=utf-8\r\n"
            f"Content-Transfer-Encoding: {'7bit' if plain else 'base64'}\r\n\r\n"
        ).encode()
        return head + (text if plain else base64.encodebytes(text).replace(b"\n", b"\r\n"))


def _alert(alert: Delivery) -> bytes:
    delivery, event, incident = ids(alert)
    level, signature = alert.level.encode(), _line(shown(alert.signature))
    return _ALERT % (level, alert.risk, signature, delivery, event, incident, _line(one_line(alert.source)))


@lru_cache(4096)
def _line(text: str) -> bytes:
    return text.encode("utf-8", "replace")
