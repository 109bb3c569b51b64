"""The statements of vpn-core. Those that change something also write the trail: one round trip, one transaction."""

from phantommesh.vpn_core.network import FIRST_NUMBER, LAST_NUMBER, MESH

# Registrations follow one another: the row stays locked until the transaction ends.
LOCK_MESH = "SELECT next_number FROM vpn.mesh FOR UPDATE"
SET_NEXT = "UPDATE vpn.mesh SET next_number = $1"

# $1 where to begin. Numbers are given out in a circle, so that an address that became free rests as long as possible;
# one that is quarantined is given to nobody.
FREE_NUMBER = f"""
SELECT number FROM (
    SELECT generate_series($1::int, {LAST_NUMBER}) AS number
    UNION ALL SELECT generate_series({FIRST_NUMBER}, $1::int - 1)
) AS circle
WHERE NOT EXISTS (SELECT 1 FROM vpn.peer WHERE peer.number = circle.number)
  AND NOT EXISTS (SELECT 1 FROM vpn.quarantine WHERE released_at_ns IS NULL
                  AND quarantine.address = host('{MESH.network_address}'::inet + circle.number))
LIMIT 1
"""

# $1 peer id, $2 now (ns), $3 number, $4 name, $5 address, $6 public key, $7 endpoint
ADD_PEER = """
INSERT INTO vpn.peer (peer_id, created_at_ns, number, name, address, public_key, endpoint)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""

_QUARANTINED = """EXISTS (
    SELECT 1 FROM vpn.quarantine WHERE quarantine.address = peer.address AND released_at_ns IS NULL)"""
_PEER = f"""
SELECT seq, peer_id::text, name, address, public_key, endpoint, created_at_ns, {_QUARANTINED} AS quarantined
FROM vpn.peer
"""
PEER = f"{_PEER} WHERE peer_id = $1"
# $1 after, $2 how many at most
PEERS = f"{_PEER} WHERE seq > $1 ORDER BY seq LIMIT $2"
# $1 the peer that asks
OTHERS = f"""
SELECT name, address, public_key, endpoint FROM vpn.peer WHERE peer_id <> $1 AND NOT {_QUARANTINED} ORDER BY number
"""
REMOVE_PEER = "DELETE FROM vpn.peer WHERE peer_id = $1 RETURNING peer_id"

# $1 key, $2 address, $3 reason, $4 now (ns), $5 replica. Nothing comes back when the key is known.
QUARANTINE = """
WITH fresh AS (
    INSERT INTO vpn.quarantine (key, address, reason, quarantined_at_ns, peer_id)
    VALUES ($1, $2, $3, $4, (SELECT peer_id FROM vpn.peer WHERE address = $2))
    ON CONFLICT (key) DO NOTHING RETURNING key, address, peer_id, reason
), logged AS (
    INSERT INTO vpn.trail (at_ns, key, action, address, peer_id, reason, replica)
    SELECT $4, key, 'quarantined', address, peer_id, reason, $5 FROM fresh
)
SELECT peer_id::text FROM fresh
"""

# $1 key, $2 now (ns), $3 replica
RELEASE = """
WITH ended AS (
    UPDATE vpn.quarantine SET released_at_ns = $2 WHERE key = $1 AND released_at_ns IS NULL
    RETURNING key, address, peer_id, reason
), logged AS (
    INSERT INTO vpn.trail (at_ns, key, action, address, peer_id, reason, replica)
    SELECT $2, key, 'released', address, peer_id, reason, $3 FROM ended
)
SELECT key FROM ended
"""

_STORED = """
SELECT seq, key::text, address, peer_id::text, reason, quarantined_at_ns, released_at_ns FROM vpn.quarantine
"""
STORED = f"{_STORED} WHERE key = $1"
# $1 after, $2 how many at most
ALL_STORED = f"{_STORED} WHERE seq > $1 ORDER BY seq LIMIT $2"

# $1 now (ns), $2 address, $3 kind, $4 detail
ADD_SIGNAL = "INSERT INTO vpn.signal (at_ns, address, kind, detail) VALUES ($1, $2, $3, $4) RETURNING seq"
LAST_SIGNAL = "SELECT coalesce(max(seq), 0) FROM vpn.signal"
# $1 after, $2 the last one, $3 how many at most
SIGNALS = """
SELECT seq, at_ns, address, kind, detail FROM vpn.signal WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT $3
"""
