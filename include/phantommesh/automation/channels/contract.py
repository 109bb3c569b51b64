"""What an adapter gets, what it promises, and how it fails."""

from collections.abc import Sequence
from typing import Protocol

from phantommesh.automation.delivery import Delivery


class ChannelError(Exception):
    """The channel did not take all of what was posted, or it is not known whether it did.

    retry: false when the same message cannot succeed later. taken: what the channel did take of it. doubtful: what it
    may have taken without our knowing; of the rest it is known that it was not taken. retry_after_s: how long the
    channel asked to be left alone, if it did.
    """

    def __init__(
        self, reason: str, retry: bool = True, taken: Sequence[Delivery] = (), retry_after_s: float | None = None,
        doubtful: Sequence[Delivery] = (),
    ) -> None:  # fmt: skip
        super().__init__(reason)
        self.reason = reason
        self.retry = retry
        self.taken = taken
        self.retry_after_s = retry_after_s
        self.doubtful = doubtful


class Channel(Protocol):
    """One channel. max_batch: how many alerts one call of post should have at most. One call at a time."""

    name: str
    max_batch: int

    async def post(self, alerts: Sequence[Delivery]) -> None:
        """Returns when the channel took every alert; raises ChannelError otherwise, after a bounded time."""

    def close(self) -> None:
        """Give the connections up; the next post makes new ones."""
