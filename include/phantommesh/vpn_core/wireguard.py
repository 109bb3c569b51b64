"""The configuration of a peer as wg-quick(8) reads it.

The private key is not in it: it was shown once and is kept by the peer alone. The peer's host has it in the file that
the line PostUp names, the way that wg-quick(8) shows for keys that are kept apart.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from phantommesh.vpn_core.network import MESH

# Behind address translation a mapping lasts about 30 s; wg(8) calls 25 s sensible for most.
KEEPALIVE_S = 25


@dataclass(frozen=True, slots=True)
class Member:
    """What a configuration tells of a peer. endpoint: host:port, None when it only calls others."""

    name: str
    address: str
    public_key: str
    endpoint: str | None


def render(owner: Member, others: Iterable[Member]) -> str:
    """The configuration of `owner`, which may talk to `others`.

    The interface has the whole network, so that packets for a peer that is not among the others are dropped by
    WireGuard, not sent in the clear by another way.
    """
    lines = [
        f"# {owner.name}",
        "[Interface]",
        f"Address = {owner.address}/{MESH.prefixlen}",
        "PostUp = wg set %i private-key /etc/wireguard/%i.key",
    ]
    if owner.endpoint is not None:
        lines.append(f"ListenPort = {owner.endpoint.rpartition(':')[2]}")
    for peer in others:
        lines += ["", f"# {peer.name}", "[Peer]", f"PublicKey = {peer.public_key}", f"AllowedIPs = {peer.address}/32"]
        if peer.endpoint is not None:
            lines += [f"Endpoint = {peer.endpoint}", f"PersistentKeepalive = {KEEPALIVE_S}"]
    return "\n".join(lines) + "\n"
