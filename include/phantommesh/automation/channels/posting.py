"""Several messages to one HTTP channel over a few connections, and what became of the alerts in them."""

import asyncio
from collections.abc import Callable, Sequence

from phantommesh.automation.channels.connection import Answer, HttpConnection, NoAnswer
from phantommesh.automation.channels.contract import ChannelError
from phantommesh.automation.delivery import Delivery

CONNECTIONS = 4
PIPELINED = 16  # requests on one connection before another is used as well
# The message itself is refused: sending it again changes nothing. Whatever else is wrong (a key that is no longer
# valid, an address that is gone, too many requests) can be put right while the alert waits.
_REFUSED = frozenset({400, 413, 422})

Message = tuple[bytes, Sequence[Delivery]]


def refused(answer: Answer) -> bool:
    """Whether an answer says that the message can never be taken."""
    return answer.status in _REFUSED


class Posting:
    """Posts messages to one address. accepted: the status by which the service says that it took a message."""

    def __init__(
        self, url: str, headers: Sequence[str], timeout_s: float, accepted: int,
        is_refused: Callable[[Answer], bool] = refused,
    ) -> None:  # fmt: skip
        self._connections = [HttpConnection(url, headers, timeout_s) for _ in range(CONNECTIONS)]
        self._accepted = accepted
        self._is_refused = is_refused

    async def post(self, messages: Sequence[Message]) -> None:
        """Returns when every message was taken; raises ChannelError with the alerts of those that were."""
        used = min(CONNECTIONS, -(-len(messages) // PIPELINED))
        parts = [messages[index::used] for index in range(used)]
        if used == 1:
            answers = [await self._connections[0].post([body for body, _ in messages])]
        else:
            answers = await asyncio.gather(*(
                connection.post([body for body, _ in part])
                for connection, part in zip(self._connections, parts, strict=False)
            ))  # fmt: skip
        failed = [
            answer for found in answers for answer in found
            if isinstance(answer, NoAnswer) or answer.status != self._accepted
        ]  # fmt: skip
        if failed:
            raise self._error(failed, parts, answers)

    def _error(
        self, failed: list[Answer | NoAnswer], parts: list[Sequence[Message]], answers: list[list[Answer | NoAnswer]]
    ) -> ChannelError:
        each = [pair for part, found in zip(parts, answers, strict=True) for pair in zip(part, found, strict=True)]
        taken = [
            alert for (_, alerts), answer in each if isinstance(answer, Answer) and answer.status == self._accepted
            for alert in alerts
        ]  # fmt: skip
        doubtful = [alert for (_, alerts), answer in each if _may_be_taken(answer) for alert in alerts]
        waits = [answer.retry_after_s for answer in failed if isinstance(answer, Answer) and answer.retry_after_s]
        passing = [answer for answer in failed if isinstance(answer, NoAnswer) or not self._is_refused(answer)]
        return ChannelError(_reason((passing or failed)[0]), bool(passing), taken, max(waits, default=None), doubtful)

    def close(self) -> None:
        """Give the connections up."""
        for connection in self._connections:
            connection.close()


def _may_be_taken(answer: Answer | NoAnswer) -> bool:
    # A gateway that waited in vain says 5xx, and so does a service that failed after it had taken the message.
    return answer.sent if isinstance(answer, NoAnswer) else answer.status >= 500


def _reason(answer: Answer | NoAnswer) -> str:
    if isinstance(answer, NoAnswer):
        return answer.reason
    said = " ".join(answer.body[:200].decode("utf-8", "replace").split())
    return f"answered {answer.status}{': ' if said else ''}{said}"
