"""Quarantine and release. The caller's key makes a quarantine happen once, however often it is asked for."""

import time
from typing import Any

from phantommesh.vpn_core import statements
from phantommesh.vpn_core.reply import RefusedError, Reply, Request
from phantommesh.vpn_core.requests import identity, new_quarantine, page
from phantommesh.vpn_core.store import Store


class Quarantines:
    """Answers what is asked of /v1/quarantines."""

    def __init__(self, store: Store, replica: str) -> None:
        self._store = store
        self._replica = replica

    async def put(self, request: Request) -> Reply:
        """200 when the quarantine is durable, or was already; a key that was released stays released.

        Raises BadRequestError, or RefusedError (409) when the key stands for another address: then nothing was done.
        """
        key, asked = identity(request.identity, "key"), new_quarantine(request.body)
        async with self._store.connection() as connection:
            fresh = await connection.fetchrow(
                statements.QUARANTINE, key, asked.address, asked.reason, time.time_ns(), self._replica
            )
            stored: Any = None if fresh is not None else await connection.fetchrow(statements.STORED, key)
        if fresh is not None:
            return Reply(200, {
                "key": str(key), "address": asked.address, "peer_id": fresh[0], "state": "quarantined", "new": True,
            })  # fmt: skip
        if stored["address"] != asked.address:
            raise RefusedError(409, f"this key stands for {stored['address']}", position="address")
        return Reply(200, _brief(stored) | {"new": False})

    async def release(self, request: Request) -> Reply:
        """200 when the key holds its address no longer, or did not before; 404 for a key that is not known."""
        key = identity(request.identity, "key")
        async with self._store.connection() as connection:
            await connection.fetchval(statements.RELEASE, key, time.time_ns(), self._replica)
            stored = await connection.fetchrow(statements.STORED, key)
        if stored is None:
            raise RefusedError(404, f"no quarantine {key}")
        return Reply(200, _brief(stored))

    async def get(self, request: Request) -> Reply:
        """200 with one quarantine; 404."""
        key = identity(request.identity, "key")
        async with self._store.connection() as connection:
            stored = await connection.fetchrow(statements.STORED, key)
        if stored is None:
            raise RefusedError(404, f"no quarantine {key}")
        return Reply(200, _whole(stored))

    async def list(self, request: Request) -> Reply:
        """200 with all quarantines, released ones too, in the order of their time, a page at a time."""
        after, limit = page(request.query_string)
        async with self._store.connection() as connection:
            rows = await connection.fetch(statements.ALL_STORED, after, limit)
        following = rows[-1]["seq"] if len(rows) == limit else None
        return Reply(200, {"quarantines": [_whole(row) for row in rows], "next_after": following})


def _brief(row: Any) -> dict[str, Any]:
    state = "quarantined" if row["released_at_ns"] is None else "released"
    return {"key": row["key"], "address": row["address"], "peer_id": row["peer_id"], "state": state}


def _whole(row: Any) -> dict[str, Any]:
    return _brief(row) | {name: row[name] for name in ("reason", "quarantined_at_ns", "released_at_ns")}
