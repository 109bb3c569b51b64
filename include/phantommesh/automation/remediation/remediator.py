"""Sees requests for remediation to their end: claimed, asked of vpn-core, marked, each once.

At most max_concurrent run at once over all replicas, and the database holds that bound: a claim takes the advisory
lock (2, 0) for its transaction, counts the rows in state running - whoever's they are - and takes only as many pending
ones as are missing. A row runs until its end is marked, through its waits between attempts too: while vpn-core is away
the first few use up their retries and the others keep theirs.

Never twice for one incident: the row is the incident's only one, the end is marked by its owner alone, together with
the audit line, and vpn-core takes the incident's id as the key of the quarantine. A replica may so die at any moment.
Whoever lives looks TURN_S apart for rows whose owner is dead, and goes on with them; a call of the dead one that did
get through is found done by the next.
"""

import asyncio
import heapq
import logging
import time
from collections.abc import Callable
from itertools import count
from typing import Protocol

import asyncpg

from phantommesh.automation.remediation import statements
from phantommesh.automation.remediation.request import ACTIONS, Ending, Request
from phantommesh.automation.remediation.vpn_core_client import AwayError, RefusedError, VpnCoreClient
from phantommesh.automation.session import Session
from phantommesh.config.model import AutoRemediation

TURN_S = 0.25
RETRY_S = 0.5
BACKOFF_FACTOR = 3
_LOCK_TIMEOUT_MS = "1000"  # a replica that was stopped in the middle of a claim holds the lock until it is cut off
_SETTINGS = {"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off", "lock_timeout": _LOCK_TIMEOUT_MS}
_log = logging.getLogger(__name__)


class Connecting(Protocol):
    """Makes a connection that the server lists as `name`."""

    async def connect(self, name: str, **server_settings: str) -> asyncpg.Connection:
        """Raises what asyncpg raises."""


class Remediator:
    """One replica's part in the work. took: a histogram's hook, given the operation and its start (epoch, ns)."""

    def __init__(
        self, replica: str, settings: AutoRemediation, client: VpnCoreClient, connector: Connecting,
        took: Callable[[str, int], None],
    ) -> None:  # fmt: skip
        self._replica = replica
        self._settings = settings
        self._client = client
        self._connector = connector
        self._took = took
        self._wake = asyncio.Event()
        self._draining = False
        self._calls: dict[asyncio.Task[None], Request] = {}
        self._endings: list[Ending] = []
        self._again: list[tuple[Request, str]] = []
        self._later: list[tuple[float, int, Request]] = []
        self._order = count()

    def wake(self) -> None:
        """There may be something new: look now, not at the next turn."""
        self._wake.set()

    def drain(self) -> None:
        """Claim nothing more; what is under way is ended."""
        self._draining = True

    @property
    def under_way(self) -> int:
        """How many requests are this replica's at the moment."""
        return len(self._calls) + len(self._endings) + len(self._again) + len(self._later)

    async def run(self, session: Session) -> None:
        """Work until cancelled or the connection is lost; what is under way then is another's to go on with."""
        if not self._settings.enabled:
            await asyncio.get_running_loop().create_future()
        # Named like the session's own connections, so that it is cut off with them when this replica falls silent.
        connection = await self._connector.connect(f"phantommesh/{session.instance}", **_SETTINGS)
        connection.add_termination_listener(lambda _connection: session.lost.set())
        try:
            self._wake.set()
            while True:
                await self._wait()
                try:
                    await self._turn(connection, session.instance)
                except asyncpg.PostgresError as error:
                    if session.lost.is_set() or connection.is_closed():
                        raise
                    _log.warning("remediation: not recorded, tried again in %s s: %s", RETRY_S, error)
                    await asyncio.sleep(RETRY_S)
        finally:
            self._give_up()
            connection.terminate()

    def _give_up(self) -> None:
        for call in self._calls:
            call.cancel()
        for left in (self._calls, self._endings, self._again, self._later):
            left.clear()
        self._client.close()

    async def _wait(self) -> None:
        wait_s = TURN_S
        if self._later:
            wait_s = max(0.0, min(wait_s, self._later[0][0] - time.monotonic()))
        try:
            async with asyncio.timeout(wait_s):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _turn(self, connection: asyncpg.Connection, instance: int) -> None:
        """Everything that touches the database, one thing after the other: the connection has one user."""
        woken = self._wake.is_set()
        self._wake.clear()
        await self._mark_ended(connection, instance)
        await self._count_again(connection, instance)
        while self._later and self._later[0][0] <= time.monotonic():
            self._call(heapq.heappop(self._later)[2])
        if not self._draining and (woken or await connection.fetchval(statements.LOOK, instance)):
            await self._claim(connection, instance)

    async def _claim(self, connection: asyncpg.Connection, instance: int) -> None:
        async with connection.transaction():
            await connection.execute(statements.TAKE_TURN)
            rows = await connection.fetch(statements.CLAIM, instance, self._settings.max_concurrent)
        for request in map(Request.claimed, rows):
            if self._settings.dry_run:
                self._end(Ending(request, "dry_run"))
            else:
                self._call(request)

    def _call(self, request: Request) -> None:
        call = asyncio.create_task(self._attempt(request))
        self._calls[call] = request
        call.add_done_callback(self._called)

    def _called(self, call: "asyncio.Task[None]") -> None:
        self._calls.pop(call, None)
        if not call.cancelled() and call.exception() is not None:
            _log.error("remediation: a fault in a call", exc_info=call.exception())

    async def _attempt(self, request: Request) -> None:
        try:
            answer = await self._client.quarantine(request.incident_id, request.address, request.why())
        except RefusedError as error:
            self._end(Ending(request, "failed", reason=str(error)))
        except AwayError as error:
            if request.attempts > self._settings.max_retries:
                self._end(Ending(request, "failed", reason=str(error)))
            else:
                self._again.append((request, str(error)))
                self._wake.set()
        else:
            self._end(Ending(request, "done", peer_id=answer.peer_id))

    def _end(self, ending: Ending) -> None:
        self._endings.append(ending)
        self._wake.set()

    async def _mark_ended(self, connection: asyncpg.Connection, instance: int) -> None:
        endings = list(self._endings)
        if not endings:
            return
        rows = await connection.fetch(
            statements.END,
            [ending.request.incident_id for ending in endings],
            [ending.state for ending in endings],
            [ending.reason for ending in endings],
            [ACTIONS[ending.state] for ending in endings],
            [ending.detail() for ending in endings],
            instance,
            time.time_ns(),
            self._replica,
        )
        del self._endings[: len(endings)]
        marked = {row[0] for row in rows}
        for ending in endings:
            if ending.state == "failed":
                _log.warning("remediation of incident %s failed: %s", ending.request.incident_id, ending.reason)
            elif ending.state == "done" and ending.request.incident_id in marked:
                self._took("auto_remediation", ending.request.requested_at_ns)

    async def _count_again(self, connection: asyncpg.Connection, instance: int) -> None:
        again = list(self._again)
        if not again:
            return
        identities, reasons = [request.incident_id for request, _ in again], [reason for _, reason in again]
        await connection.execute(statements.COUNT_ATTEMPTS, identities, reasons, instance)
        del self._again[: len(again)]
        for request, _ in again:
            due_s = time.monotonic() + self._settings.retry_backoff_s * BACKOFF_FACTOR ** (request.attempts - 1)
            request.attempts += 1
            heapq.heappush(self._later, (due_s, next(self._order), request))
