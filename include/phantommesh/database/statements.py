"""The statements that change several tables at once. Each is one round trip and one transaction.

All take arrays, so that a batch costs about as much as one event. Where several replicas can lock the same rows,
rows are locked in the order of their key: two batches can wait for each other, never in a circle.
"""

# $1 ids, $2 sources, $3 times of receipt (ns), $4 bodies, $5 details, $6 instance, $7 replica
ACCEPT = """
WITH fresh AS (
    INSERT INTO event (event_id, source, received_at_ns, body)
    SELECT event_id, source, at_ns, body FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::bytea[])
        AS input (event_id, source, at_ns, body) ORDER BY event_id
    ON CONFLICT (event_id) DO NOTHING
    RETURNING event_id, source, received_at_ns
), queued AS (
    INSERT INTO inbox (event_id, owner) SELECT event_id, $6 FROM fresh
), logged AS (
    INSERT INTO audit (at_ns, event_id, source, action, replica, detail)
    SELECT received_at_ns, event_id, source, 'received', $7, detail
    FROM fresh JOIN unnest($1::uuid[], $5::text[]) AS input (event_id, detail) USING (event_id)
)
SELECT event_id FROM fresh
"""

# $1 ids, $2 sources, $3 signature ids, $4 src ips, $5 dest ips, $6 risks, $7 confidences, $8 levels,
# $9 details, $10 incident ids to use if one is opened, $11 delivery ids, $12 their events, $13 their channels,
# $14 now (ns), $15 window (ns), $16 instance, $17 replica
# An event that another transaction works on is skipped: that transaction does the whole of it, or nothing.
HANDLE = """
WITH input AS MATERIALIZED (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::float8[], $7::float8[],
                         $8::text[], $9::text[], $10::uuid[]) WITH ORDINALITY
        AS t (event_id, source, signature_id, src_ip, dest_ip, risk, confidence, level, detail, proposed, position)
), free AS MATERIALIZED (
    SELECT event_id FROM inbox WHERE event_id = ANY ($1::uuid[]) ORDER BY event_id FOR UPDATE SKIP LOCKED
), taken AS MATERIALIZED (
    DELETE FROM inbox USING free WHERE inbox.event_id = free.event_id RETURNING inbox.event_id
), work AS MATERIALIZED (
    SELECT input.*, row_number() OVER (PARTITION BY src_ip, dest_ip, signature_id ORDER BY position) AS nth
    FROM input JOIN taken USING (event_id)
), joined AS MATERIALIZED (
    INSERT INTO incident_window AS w (src_ip, dest_ip, signature_id, incident_id, opened_at_ns)
    SELECT src_ip, dest_ip, signature_id, proposed, $14 FROM work WHERE nth = 1
    ORDER BY src_ip, dest_ip, signature_id
    ON CONFLICT (src_ip, dest_ip, signature_id) DO UPDATE SET
        incident_id = CASE WHEN w.opened_at_ns >= $14 - $15::bigint THEN w.incident_id ELSE excluded.incident_id END,
        opened_at_ns = CASE WHEN w.opened_at_ns >= $14 - $15::bigint THEN w.opened_at_ns ELSE excluded.opened_at_ns END
    RETURNING w.src_ip, w.dest_ip, w.signature_id, w.incident_id
), placed AS MATERIALIZED (
    SELECT work.*, joined.incident_id, (nth = 1 AND joined.incident_id = proposed) AS opened
    FROM work JOIN joined USING (src_ip, dest_ip, signature_id)
), new_incidents AS (
    INSERT INTO incident (incident_id, src_ip, dest_ip, signature_id, opened_at_ns, level)
    SELECT incident_id, src_ip, dest_ip, signature_id, $14, level FROM placed WHERE opened
), new_assessments AS (
    INSERT INTO assessment (event_id, incident_id, risk, confidence, level)
    SELECT event_id, incident_id, risk, confidence, level FROM placed
), new_deliveries AS (
    INSERT INTO outbox (delivery_id, event_id, channel, owner)
    SELECT delivery_id, event_id, channel, $16
    FROM unnest($11::uuid[], $12::uuid[], $13::text[]) AS due (delivery_id, event_id, channel)
    JOIN taken USING (event_id)
), logged AS (
    INSERT INTO audit (at_ns, event_id, source, action, replica, detail)
    SELECT $14, event_id, source, change.action, $17, change.detail
    FROM placed CROSS JOIN LATERAL (VALUES
        (1, 'assessed', placed.detail),
        (2, CASE WHEN opened THEN 'incident_opened' ELSE 'incident_joined' END,
            '{"incident_id":"' || incident_id || '"}')) AS change (step, action, detail)
    ORDER BY position, step
)
SELECT event_id, incident_id, opened FROM placed
"""

# $1 delivery ids, $2 their events, $3 sources, $4 details, $5 action, $6 now (ns), $7 replica
SETTLE = """
WITH gone AS (
    DELETE FROM outbox WHERE delivery_id = ANY ($1::uuid[]) RETURNING delivery_id
)
INSERT INTO audit (at_ns, event_id, source, action, replica, detail)
SELECT $6, event_id, source, $5, $7, detail
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[]) AS input (delivery_id, event_id, source, detail)
JOIN gone USING (delivery_id)
"""

# $1 delivery ids, $2 attempts so far
COUNT_ATTEMPTS = """
UPDATE outbox SET attempts = input.attempts
FROM unnest($1::uuid[], $2::int[]) AS input (delivery_id, attempts) WHERE outbox.delivery_id = input.delivery_id
"""

# An instance is dead when the session that held its advisory lock (1, instance) is gone.
DEAD_INSTANCES = """
SELECT instance FROM instance WHERE NOT closed AND NOT EXISTS (
    SELECT 1 FROM pg_locks
    WHERE locktype = 'advisory' AND classid = 1 AND objid = instance::int AND objsubid = 2)
"""

# $1 dead instance, $2 own instance, $3 how many at most
TAKE_EVENTS = """
WITH orphan AS MATERIALIZED (
    SELECT event_id FROM inbox WHERE owner = $1 LIMIT $3 FOR UPDATE SKIP LOCKED
), mine AS (
    UPDATE inbox SET owner = $2 FROM orphan WHERE inbox.event_id = orphan.event_id RETURNING inbox.event_id
)
SELECT event_id, received_at_ns, body FROM mine JOIN event USING (event_id) ORDER BY received_at_ns
"""

# $1 dead instance, $2 own instance, $3 how many at most
TAKE_DELIVERIES = """
WITH orphan AS MATERIALIZED (
    SELECT delivery_id FROM outbox WHERE owner = $1 LIMIT $3 FOR UPDATE SKIP LOCKED
), mine AS (
    UPDATE outbox SET owner = $2 FROM orphan WHERE outbox.delivery_id = orphan.delivery_id
    RETURNING outbox.delivery_id, outbox.event_id, channel, attempts
)
SELECT delivery_id, event_id, channel, attempts, received_at_ns, body, risk, level, incident_id
FROM mine JOIN event USING (event_id) JOIN assessment USING (event_id) ORDER BY received_at_ns
"""

# Statements of a dead replica can still be at work in the server; its rows are all there only when they have ended.
SESSIONS_OF = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'phantommesh/' || $1::bigint"
CLOSE_INSTANCE = """
UPDATE instance SET closed = true WHERE instance = $1
    AND NOT EXISTS (SELECT 1 FROM inbox WHERE owner = $1) AND NOT EXISTS (SELECT 1 FROM outbox WHERE owner = $1)
"""

# $1 own instance, $2 lease (s). A replica that is silent but alive (stopped, hung) is cut off from the database:
# its locks go, its work is taken over, and it must begin a new session before it can do anything again.
HEARTBEAT = "UPDATE instance SET seen_at = clock_timestamp() WHERE instance = $1"
CUT_OFF_SILENT = """
SELECT pg_terminate_backend(pid) FROM instance JOIN pg_stat_activity
    ON application_name = 'phantommesh/' || instance
WHERE NOT closed AND instance <> $1 AND seen_at < clock_timestamp() - make_interval(secs => $2)
"""

# $1 own instance: events of the others that are durable and not fully handled
DEPTH_OF_OTHERS = """
SELECT (SELECT count(*) FROM inbox WHERE owner <> $1) +
       (SELECT count(DISTINCT event_id) FROM outbox WHERE owner <> $1)
"""

# $1 source or null, $2 after
AUDIT = "SELECT seq, at_ns, event_id::text, source, action, replica, detail FROM audit WHERE seq > $2 ORDER BY seq"
AUDIT_OF_SOURCE = AUDIT.replace("WHERE", "WHERE source = $1 AND")
AUDIT_OF_ALL = AUDIT.replace("WHERE", "WHERE $1::text IS NULL AND")
