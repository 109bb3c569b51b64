"""The statements of auto-remediation.

A row goes pending -> running -> done | failed | dry_run. While it runs it is its owner's: the replica session
(instance) that claimed it. An owner is dead when its advisory lock (1, instance) can be had: the session that held it
is gone (see database.statements.DEAD_INSTANCES).
"""

_DEAD = "pg_try_advisory_xact_lock(1, remediation.owner::int)"
_ORPHANED = f"state = 'running' AND owner <> $1 AND {_DEAD}"

# $1 own instance. Whether there is anything to claim: asked often, so it locks and writes nothing.
LOOK = f"""
SELECT EXISTS (SELECT 1 FROM remediation WHERE state = 'pending')
    OR EXISTS (SELECT 1 FROM remediation WHERE {_ORPHANED})
"""

# Claims of all replicas follow one another: each counts what runs after the one before it has committed. The claim
# itself needs no flush: one that a crash of the server loses is claimed again, and asks vpn-core with the same key.
TAKE_TURN = "SELECT pg_advisory_xact_lock(2, 0), set_config('synchronous_commit', 'off', true)"

# $1 own instance, $2 how many may run at once, over all replicas. What the dead left runs already and frees no place.
CLAIM = f"""
WITH orphan AS MATERIALIZED (
    SELECT incident_id FROM remediation WHERE {_ORPHANED} FOR UPDATE SKIP LOCKED
), fresh AS MATERIALIZED (
    SELECT incident_id FROM remediation WHERE state = 'pending' ORDER BY requested_at_ns
    LIMIT (SELECT greatest(0, $2::bigint - count(*)) FROM remediation WHERE state = 'running')
    FOR UPDATE SKIP LOCKED
)
UPDATE remediation SET state = 'running', owner = $1, attempts = attempts + 1
FROM (SELECT incident_id FROM orphan UNION ALL SELECT incident_id FROM fresh) AS chosen
WHERE remediation.incident_id = chosen.incident_id
RETURNING remediation.incident_id, event_id, source, address, risk, requested_at_ns, attempts
"""

# $1 incident ids, $2 why the last attempt failed, $3 own instance: another attempt begins
COUNT_ATTEMPTS = """
UPDATE remediation SET attempts = attempts + 1, reason = input.reason
FROM unnest($1::uuid[], $2::text[]) AS input (incident_id, reason)
WHERE remediation.incident_id = input.incident_id AND state = 'running' AND owner = $3
"""

# $1 incident ids, $2 states, $3 reasons, $4 audit actions, $5 details, $6 own instance, $7 now (ns), $8 replica.
# A row that is no longer this owner's is left alone: whoever has it now ends it.
END = """
WITH ended AS (
    UPDATE remediation SET state = input.state, reason = input.reason, finished_at_ns = $7, owner = NULL
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[])
        AS input (incident_id, state, reason, action, detail)
    WHERE remediation.incident_id = input.incident_id AND remediation.state = 'running' AND owner = $6
    RETURNING remediation.incident_id, event_id, source, input.action, input.detail
), logged AS (
    INSERT INTO audit (at_ns, event_id, source, action, replica, detail)
    SELECT $7, event_id, source, action, $8, detail FROM ended
)
SELECT incident_id FROM ended
"""
