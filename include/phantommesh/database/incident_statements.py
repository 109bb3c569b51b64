"""What people and time do to incidents, and how they are read. Each change is one transaction with its audit line."""

INCIDENT = """incident_id::text, event_id::text, source, src_ip, dest_ip, signature_id, signature, level, risk,
    opened_at_ns, acknowledged_at_ns, acknowledged_by, resolved_at_ns, resolved_by, resolution, escalated_at_ns"""
STATES = {
    "open": "acknowledged_at_ns IS NULL AND resolved_at_ns IS NULL",
    "acknowledged": "acknowledged_at_ns IS NOT NULL AND resolved_at_ns IS NULL",
    "resolved": "resolved_at_ns IS NOT NULL",
}

# $1 incident
READ = f"SELECT {INCIDENT} FROM incident WHERE incident_id = $1"

# $1 level or null, $2 the incident after which to begin, or null
_LIST = f"""
SELECT {INCIDENT} FROM incident
WHERE {{state}} AND ($1::text IS NULL OR level = $1)
    AND ($2::uuid IS NULL OR (opened_at_ns, incident_id) >
         (SELECT opened_at_ns, incident_id FROM incident WHERE incident_id = $2))
ORDER BY opened_at_ns, incident_id
"""
LIST = {state: _LIST.format(state=condition) for state, condition in STATES.items()}
LIST_ALL = _LIST.format(state="true")
LIMIT = " LIMIT $3"

# $1 incident, $2 how many at most
EVENTS = """
SELECT event_id::text, assessed_at_ns, level, risk FROM event WHERE incident_id = $1 ORDER BY seq LIMIT $2
"""
COUNT_EVENTS = "SELECT count(*) FROM event WHERE incident_id = $1"
# $1 events
DELIVERIES = """
SELECT event_id, at_ns, channel, kind, attempts, reason, doubt FROM delivery
WHERE event_id = ANY ($1::uuid[]) ORDER BY seq
"""
AUDIT = "SELECT event_id::text, at_ns, action, detail FROM audit WHERE event_id = ANY ($1::uuid[]) ORDER BY seq"
# $1 incident
REMEDIATION = """
SELECT event_id::text, address, state, requested_at_ns, finished_at_ns, attempts, reason
FROM remediation WHERE incident_id = $1
"""

# $1 incident, $2 now (ns), $3 who, $4 replica, $5 detail. No row: it is not open, or not there.
# Clocks of replicas differ: nothing is acknowledged before it was opened.
ACKNOWLEDGE = f"""
WITH changed AS (
    UPDATE incident SET acknowledged_at_ns = greatest(opened_at_ns, $2), acknowledged_by = $3
    WHERE incident_id = $1 AND {STATES["open"]} RETURNING *
), logged AS (
    INSERT INTO audit (at_ns, event_id, source, action, replica, detail)
    SELECT acknowledged_at_ns, event_id, source, 'incident_acknowledged', $4, $5 FROM changed
)
SELECT {INCIDENT} FROM changed
"""

# As ACKNOWLEDGE, and $6 resolution. No row: it is resolved already, or not there.
RESOLVE = f"""
WITH changed AS (
    UPDATE incident SET resolved_at_ns = greatest(opened_at_ns, acknowledged_at_ns, $2), resolved_by = $3,
                        resolution = $6
    WHERE incident_id = $1 AND resolved_at_ns IS NULL RETURNING *
), logged AS (
    INSERT INTO audit (at_ns, event_id, source, action, replica, detail)
    SELECT resolved_at_ns, event_id, source, 'incident_resolved', $4, $5 FROM changed
)
SELECT {INCIDENT} FROM changed
"""

# $1 levels, $2 opened at or before (ns), $3 now (ns), $4 replica, $5 channels (positions), $6 instance, $7 how many at
# most. Replicas skip what another one works on; whoever comes after it finds the incident escalated.
ESCALATE = f"""
WITH late AS MATERIALIZED (
    SELECT incident_id FROM incident
    WHERE {STATES["open"]} AND escalated_at_ns IS NULL AND level = ANY ($1::text[]) AND opened_at_ns <= $2::bigint
    ORDER BY opened_at_ns LIMIT $7 FOR UPDATE SKIP LOCKED
), changed AS MATERIALIZED (
    UPDATE incident SET escalated_at_ns = $3::bigint FROM late WHERE incident.incident_id = late.incident_id
    RETURNING incident.*
), queued AS (
    INSERT INTO outbox (event_id, channel, kind, owner)
    SELECT event_id, channel, 1, $6::bigint FROM changed CROSS JOIN unnest($5::smallint[]) AS channel
), logged AS (
    INSERT INTO audit (at_ns, event_id, source, action, replica, detail)
    SELECT $3, event_id, source, 'incident_escalated', $4,
           json_build_object('incident_id', incident_id, 'level', level, 'open_ms', ($3 - opened_at_ns) / 1000000)::text
    FROM changed
)
SELECT incident_id, event_id, source, level, risk, signature FROM changed
"""
