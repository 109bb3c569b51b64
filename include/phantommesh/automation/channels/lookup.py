"""Asks a channel whether it has a delivery: GET of an address with the delivery's id in it.

200: it has it. 404: it has not. Whatever else comes, or nothing in time, is no answer. GETs may be pipelined, for
they are safe to repeat (RFC 9112, section 9.3.2).
"""

import uuid
from collections.abc import Sequence
from urllib.parse import urlsplit

from phantommesh.automation.channels.connection import Answer, HttpConnection, NoAnswer

PLACE = "{delivery_id}"


class Lookup:
    """url: with PLACE where the id stands. timeout_s: for all ids of a question together."""

    def __init__(self, url: str, timeout_s: float) -> None:
        place = urlsplit(url)
        self._target = (place.path or "/") + (f"?{place.query}" if place.query else "")
        self._connection = HttpConnection(url.replace(PLACE, ""), ("Accept: */*",), timeout_s)

    async def ask(self, delivery_ids: Sequence[uuid.UUID]) -> list[bool | str]:
        """For each whether the channel has it, or, where it did not say, why not."""
        answers = await self._connection.get([self._target.replace(PLACE, str(item)) for item in delivery_ids])
        return [_said(answer) for answer in answers]

    def close(self) -> None:
        """Give the connection up; the next question makes a new one."""
        self._connection.close()


def _said(answer: Answer | NoAnswer) -> bool | str:
    if isinstance(answer, NoAnswer):
        return answer.reason
    return answer.status == 200 if answer.status in (200, 404) else f"answered {answer.status}"
