"""An optional cache of histories, shared by the replicas: anything that speaks the Redis protocol.

Never a source of truth, and never waited for: it answers in time or is left alone for PAUSE_S. The version is
part of the key and a version never changes, so nothing in the cache can be out of date: a new version is asked for
under new keys, and the old ones expire.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from phantommesh.threat_model.history import AddressHistory

PAUSE_S = 1.0
PREFIX = "phantommesh:history:1"  # the number changes with what is kept under a key
_log = logging.getLogger(__name__)
_encode = msgspec.msgpack.Encoder().encode
# The address is kept with its history: an answer that belongs to another question is then found out.
_decode = msgspec.msgpack.Decoder(tuple[str, AddressHistory]).decode


class ValkeyCache:
    """failed: called once for each failure, to be counted. ttl_s: how long an entry lives. timeout_s: how long it is
    waited for."""

    def __init__(
        self, url: str, ttl_s: int, timeout_s: float, password: str | None = None,
        failed: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self._url, self._ttl_s, self._timeout_s, self._password, self._failed = url, ttl_s, timeout_s, password, failed
        self._client: Any = None
        self._paused_until_s = 0.0

    async def get_many(self, version: int, addresses: Iterable[str]) -> dict[str, AddressHistory]:
        """What the cache has of these addresses; nothing when it fails."""
        wanted = list(addresses)
        found = await self._try(lambda client: client.mget([_key(version, address) for address in wanted]))
        kept = {}
        for address, raw in zip(wanted, found or [], strict=False):
            if raw is not None and (history := self._decoded(version, address, raw)) is not None:
                kept[address] = history
        return kept

    async def put_many(self, version: int, histories: Mapping[str, AddressHistory]) -> None:
        """Keep histories for the others; a failure loses nothing."""
        if not histories:
            return

        def put(client: Any) -> Any:
            pipeline = client.pipeline(transaction=False)
            for address, history in histories.items():
                pipeline.set(_key(version, address), _encode((address, history)), ex=self._ttl_s)
            return pipeline.execute()

        await self._try(put)

    async def close(self) -> None:
        """End the connections."""
        if self._client is not None:
            await self._client.aclose()

    def _decoded(self, version: int, address: str, raw: bytes) -> AddressHistory | None:
        try:
            of, history = _decode(raw)
        except msgspec.MsgspecError:
            of = None
        if of != address:
            self._failure(f"{_key(version, address)} does not hold its history")
            return None
        return history

    async def _try(self, ask: Callable[[Any], Any]) -> Any:
        if time.monotonic() < self._paused_until_s:
            return None
        try:
            async with asyncio.timeout(self._timeout_s):
                return await ask(self._connected())
        except Exception as error:  # noqa: BLE001 - whatever a cache does, the database has the answer
            self._failure(str(error) or type(error).__name__)
            # A connection that was left in the middle of an answer must not be asked again.
            client, self._client = self._client, None
            with contextlib.suppress(Exception):
                await client.aclose()
            return None

    def _connected(self) -> Any:
        if self._client is None:
            from valkey.asyncio import Valkey  # only where there is a cache

            self._client = Valkey.from_url(
                self._url,
                password=self._password,
                socket_timeout=self._timeout_s,
                socket_connect_timeout=self._timeout_s,
                max_connections=4,
            )
        return self._client

    def _failure(self, reason: str) -> None:
        self._paused_until_s = time.monotonic() + PAUSE_S
        self._failed()
        _log.warning("cache of histories not used for %g s: %s", PAUSE_S, " ".join(reason.split()))


def _key(version: int, address: str) -> str:
    return f"{PREFIX}:{version}:{address}"
