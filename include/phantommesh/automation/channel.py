"""The plain form of a channel: a JSON array of alerts, posted to POST /channels/{channel} of the sink."""

from phantommesh.automation.channels.connection import HttpConnection, NoAnswer
from phantommesh.automation.channels.contract import ChannelError

__all__ = ["ChannelClient", "ChannelError"]


class ChannelClient:
    """Posts to one address; one request at a time."""

    def __init__(self, host: str, port: int, channel: str, timeout_s: float) -> None:
        url = f"http://{host}:{port}/channels/{channel}"
        self._connection = HttpConnection(url, ("Content-Type: application/json",), timeout_s)

    async def post(self, body: bytes) -> None:
        """Returns when the channel answered 200; raises ChannelError otherwise."""
        [answer] = await self._connection.post([body])
        if isinstance(answer, NoAnswer):
            raise ChannelError(answer.reason)
        if answer.status != 200:
            raise ChannelError(f"answered {answer.status}")

    def close(self) -> None:
        """Give the connection up."""
        self._connection.close()
