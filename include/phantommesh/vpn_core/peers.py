"""Peers: registration, listing, removal, and the WireGuard configuration of each."""

import time
import uuid
from typing import Any

import asyncpg

from phantommesh.automation.http import Header
from phantommesh.vpn_core import keys, statements
from phantommesh.vpn_core.network import MESH, address_of, number_of
from phantommesh.vpn_core.reply import RefusedError, Reply, Request
from phantommesh.vpn_core.requests import NewPeer, identity, new_peer, page
from phantommesh.vpn_core.store import Store
from phantommesh.vpn_core.wireguard import Member, render

_SECRET: Header = (b"cache-control", b"no-store")
# The constraints of vpn.peer, and what a second peer would share.
_TAKEN = {
    "peer_name": "name", "peer_address": "address", "peer_by_address": "address", "peer_public_key": "public_key",
}  # fmt: skip


class Peers:
    """Answers what is asked of /v1/peers."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def add(self, request: Request) -> Reply:
        """201 with the peer. A private key that was made here is in this answer and nowhere else. Raises
        BadRequestError, or RefusedError (409) when something is another peer's already or the network is full."""
        asked = new_peer(request.body)
        private_key, public_key = (None, asked.public_key) if asked.public_key else keys.generate()
        peer_id = uuid.uuid4()
        try:
            address = await self._register(peer_id, asked, str(public_key))
        except asyncpg.UniqueViolationError as error:
            field = _TAKEN.get(str(error.constraint_name), "name")
            raise RefusedError(409, f"another peer has this {field}", position=field) from error
        document: dict[str, Any] = {
            "peer_id": str(peer_id), "name": asked.name, "address": address, "public_key": public_key,
            "endpoint": asked.endpoint,
        }  # fmt: skip
        if private_key is not None:
            document["private_key"] = private_key
        return Reply(201, document, (_SECRET,))

    async def _register(self, peer_id: uuid.UUID, asked: NewPeer, public_key: str) -> str:
        """The address that the peer got. Several at once take turns at the row of vpn.mesh."""
        async with self._store.connection() as connection, connection.transaction():
            following = await connection.fetchval(statements.LOCK_MESH)
            if asked.address is not None:
                number = number_of(asked.address)
            else:
                number = await connection.fetchval(statements.FREE_NUMBER, following)
            if number is None:
                raise RefusedError(409, f"no address is left in {MESH}; remove peers that are gone", position="address")
            address = address_of(number)
            await connection.execute(
                statements.ADD_PEER, peer_id, time.time_ns(), number, asked.name, address, public_key, asked.endpoint
            )
            if asked.address is None:
                await connection.execute(statements.SET_NEXT, number + 1)
        return address

    async def list(self, request: Request) -> Reply:
        """200 with the peers in the order of their registration, a page at a time."""
        after, limit = page(request.query_string)
        async with self._store.connection() as connection:
            rows = await connection.fetch(statements.PEERS, after, limit)
        following = rows[-1]["seq"] if len(rows) == limit else None
        return Reply(200, {"peers": [_document(row) for row in rows], "next_after": following})

    async def get(self, request: Request) -> Reply:
        """200 with one peer; 404."""
        return Reply(200, _document(await self._row(request)))

    async def config(self, request: Request) -> Reply:
        """200 with the configuration as text; 404. A peer in quarantine may talk to nobody."""
        row = await self._row(request)
        others: list[Member] = []
        if not row["quarantined"]:
            async with self._store.connection() as connection:
                others = [Member(*found) for found in await connection.fetch(statements.OTHERS, row["peer_id"])]
        return Reply(200, render(Member(row["name"], row["address"], row["public_key"], row["endpoint"]), others))

    async def remove(self, request: Request) -> Reply:
        """200; 404. A quarantine of its address stays."""
        peer_id = identity(request.identity, "peer_id")
        async with self._store.connection() as connection:
            removed = await connection.fetchval(statements.REMOVE_PEER, peer_id)
        if removed is None:
            raise RefusedError(404, f"no peer {peer_id}")
        return Reply(200, {"peer_id": str(peer_id), "state": "removed"})

    async def _row(self, request: Request) -> Any:
        peer_id = identity(request.identity, "peer_id")
        async with self._store.connection() as connection:
            row = await connection.fetchrow(statements.PEER, peer_id)
        if row is None:
            raise RefusedError(404, f"no peer {peer_id}")
        return row


def _document(row: Any) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "seq"}
