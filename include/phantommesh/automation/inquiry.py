"""Ask before repeating: what a channel may have already is asked for, and delivered only if it is not there.

A delivery is in doubt when an earlier attempt may have reached the channel without our knowing: it was another
replica's, or this one's before it lost its session or was restarted, or its last attempt ended without a clear answer.
Questions are one task a channel, beside its deliveries: a channel that does not answer them delays no fresh alert.

A question without an answer is asked again, with backoff. It is no attempt, so it uses up no retry. After patience_s
without an answer the delivery is made all the same and marked as perhaps repeated: an alert that comes twice is better
than one that never comes, and nothing waits for ever.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from phantommesh.automation.channels.backoff import Backoff
from phantommesh.automation.channels.lookup import Lookup
from phantommesh.automation.delivery import Delivery

AT_ONCE = 64
_log = logging.getLogger(__name__)


class Outcomes(Protocol):
    """Who goes on with deliveries that were in doubt."""

    def found(self, deliveries: Sequence[Delivery]) -> None:
        """The channel has these."""

    def absent(self, deliveries: Sequence[Delivery]) -> None:
        """The channel has not got these."""

    def unanswered(self, deliveries: Sequence[Delivery]) -> None:
        """The channel did not say for as long as anybody wants to wait."""


class _Open(msgspec.Struct, gc=False):
    delivery: Delivery
    since_s: float


class Inquiry:
    """One channel's deliveries in doubt, and who asks. backoff: without end. clock_s: seconds that never go back."""

    def __init__(
        self, channel: str, lookup: Lookup, backoff: Backoff, patience_s: float,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._channel = channel
        self._lookup = lookup
        self._backoff = backoff
        self._patience_s = patience_s
        self._clock_s = clock_s
        self._open: deque[_Open] = deque()
        self._some = asyncio.Event()

    def add(self, delivery: Delivery) -> None:
        """A delivery in doubt."""
        self._open.append(_Open(delivery, self._clock_s()))
        self._some.set()

    async def run(self, outcomes: Outcomes) -> None:
        """Ask until cancelled; what waits is then forgotten (the database has it)."""
        failures = 0
        try:
            while True:
                await self._some.wait()
                reason = await self._ask(outcomes)
                if not self._open:
                    self._some.clear()
                failures = 0 if reason is None else failures + 1
                if failures == 1:
                    _log.warning("%s does not say whether it has a delivery: %s", self._channel, reason)
                if failures:
                    await asyncio.sleep(self._backoff.delay_s(failures) or 0.0)
        finally:
            self._open.clear()
            self._some.clear()
            self._lookup.close()

    async def _ask(self, outcomes: Outcomes) -> str | None:
        """Ask for the first few; returns why when none of them had an answer."""
        asked = [self._open.popleft() for _ in range(min(AT_ONCE, len(self._open)))]
        answers = await self._lookup.ask([item.delivery.delivery_id for item in asked])
        open_ = [item for item, said in zip(asked, answers, strict=True) if isinstance(said, str)]
        found = [item.delivery for item, said in zip(asked, answers, strict=True) if said is True]
        absent = [item.delivery for item, said in zip(asked, answers, strict=True) if said is False]
        over_s = self._clock_s() - self._patience_s
        given_up = [item.delivery for item in open_ if item.since_s <= over_s]
        self._open.extend(item for item in open_ if item.since_s > over_s)
        if found:
            _log.info("%s had %d deliveries in doubt already", self._channel, len(found))
            outcomes.found(found)
        if absent:
            outcomes.absent(absent)
        if given_up:
            outcomes.unanswered(given_up)
        return str(answers[0]) if len(open_) == len(asked) else None
