"""The statements that change several tables at once. Each is one round trip and one transaction.

All take arrays, so that a batch costs about as much as one event. Where several replicas can lock the same rows,
rows are locked in the order of their key: two batches can wait for each other, never in a circle.
"""

# The columns of a batch, one array each.
_INPUT = """unnest($1::uuid[], $2::text[], $3::bigint[], $4::bigint[], $5::uuid[], $6::real[], $7::real[],
                      $8::smallint[], $9::text[], $10::text[], $11::bytea[])"""
_COLUMNS = "event_id, source, received_at_ns, signature_id, incident_id, risk, confidence, due, level, verdict, body"
_QUEUED = """INSERT INTO outbox (event_id, channel, owner)
    SELECT event_id, channel, $14 FROM fresh JOIN generate_series(0, 3) AS channel ON (due >> channel) & 1 = 1"""

# $1 to $11 the columns, sorted by event_id; $12 now (ns), $13 replica, $14 instance.
# Every incident is open and known: the common case, and the cheapest.
ACCEPT = f"""
WITH fresh AS (
    INSERT INTO event (seq, assessed_at_ns, replica, {_COLUMNS})
    SELECT nextval('audit_seq'), $12::bigint, $13::text, input.* FROM {_INPUT} AS input
    ON CONFLICT (event_id) DO NOTHING RETURNING event_id, due
), queued AS (
    {_QUEUED}
)
SELECT event_id FROM fresh
"""

# A batch of one, without arrays: $1 to $11 one value of each column, the rest as in ACCEPT. The cheapest of all where
# events come one by one.
_ONE = f"""INSERT INTO event (seq, assessed_at_ns, replica, {_COLUMNS})
    VALUES (nextval('audit_seq'), $12, $13, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
    ON CONFLICT (event_id) DO NOTHING RETURNING event_id"""
ACCEPT_ONE_DUE_NOWHERE = _ONE
ACCEPT_ONE = f"""
WITH fresh AS (
    {_ONE}, due
), queued AS (
    {_QUEUED}
)
SELECT event_id FROM fresh
"""

# As ACCEPT, and $15 src ips, $16 dest ips, $17 signatures, $18 whether the incident is not known here ($5 is then the
# one to open if there is none), $19 whether a remediation is asked for, $20 window (ns).
# A batch locks windows in the order of their key, then events in the order of their id: two batches can wait for each
# other, never in a circle. An incident is opened by the first event of it that is new; a window whose opener turned
# out to be a repeat is so filled by the next.
ACCEPT_OPENING = f"""
WITH input AS MATERIALIZED (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::bigint[], $5::uuid[], $6::real[], $7::real[],
                         $8::smallint[], $9::text[], $10::text[], $11::bytea[],
                         $15::text[], $16::text[], $17::text[], $18::boolean[], $19::boolean[]) WITH ORDINALITY
        AS t ({_COLUMNS}, src_ip, dest_ip, signature, opening, remedy, position)
), joined AS MATERIALIZED (
    INSERT INTO incident_window AS w (src_ip, dest_ip, signature_id, incident_id, opened_at_ns)
    SELECT * FROM (
        SELECT DISTINCT ON (src_ip, dest_ip, signature_id) src_ip, dest_ip, signature_id, incident_id, $12::bigint
        FROM input WHERE opening ORDER BY src_ip, dest_ip, signature_id, position) AS first
    ON CONFLICT (src_ip, dest_ip, signature_id) DO UPDATE SET
        incident_id = CASE WHEN w.opened_at_ns >= $12 - $20::bigint THEN w.incident_id ELSE excluded.incident_id END,
        opened_at_ns = CASE WHEN w.opened_at_ns >= $12 - $20::bigint THEN w.opened_at_ns ELSE excluded.opened_at_ns END
    RETURNING w.src_ip, w.dest_ip, w.signature_id, w.incident_id, w.opened_at_ns
), placed AS MATERIALIZED (
    SELECT input.event_id, source, received_at_ns, signature_id,
           CASE WHEN opening THEN joined.incident_id ELSE input.incident_id END AS incident_id, risk, confidence, due,
           level, verdict, body,
           src_ip, dest_ip, signature, opening, remedy, position, joined.opened_at_ns
    FROM input LEFT JOIN joined USING (src_ip, dest_ip, signature_id)
), fresh AS MATERIALIZED (
    INSERT INTO event (seq, assessed_at_ns, replica, {_COLUMNS})
    SELECT nextval('audit_seq'), $12::bigint, $13::text, {_COLUMNS} FROM placed ORDER BY event_id
    ON CONFLICT (event_id) DO NOTHING RETURNING event_id, due
), opened AS (
    INSERT INTO incident (incident_id, event_id, signature_id, opened_at_ns, risk, level, source, src_ip, dest_ip,
                          signature)
    SELECT DISTINCT ON (incident_id) incident_id, event_id, signature_id, opened_at_ns, risk, level, source, src_ip,
           dest_ip, signature
    FROM placed JOIN fresh USING (event_id) WHERE opening ORDER BY incident_id, position
    ON CONFLICT (incident_id) DO NOTHING RETURNING event_id
), queued AS (
    {_QUEUED}
), remedies AS (
    INSERT INTO remediation (incident_id, event_id, requested_at_ns, risk, state, source, address)
    SELECT DISTINCT ON (incident_id) incident_id, event_id, $12, risk, 'pending', source, src_ip
    FROM placed JOIN fresh USING (event_id) WHERE remedy ORDER BY incident_id, position
    ON CONFLICT (incident_id) DO NOTHING
)
SELECT event_id, incident_id, CASE WHEN opening THEN opened_at_ns END, opened.event_id IS NOT NULL
FROM placed JOIN fresh USING (event_id) LEFT JOIN opened USING (event_id)
"""

# $1 event ids, $2 channels, $3 kinds, $4 attempts, $5 times (ns), $6 sources, $7 reasons (null: delivered), $8 replica,
# $9 doubts (see the table)
SETTLE = """
WITH gone AS (
    DELETE FROM outbox USING unnest($1::uuid[], $2::smallint[], $3::smallint[], $4::smallint[], $5::bigint[],
                                    $6::text[], $7::text[], $9::text[])
        AS input (event_id, channel, kind, attempts, at_ns, source, reason, doubt)
    WHERE outbox.event_id = input.event_id AND outbox.channel = input.channel AND outbox.kind = input.kind
    RETURNING input.*
)
INSERT INTO delivery (event_id, channel, kind, attempts, at_ns, source, reason, doubt, replica)
SELECT event_id, channel, kind, attempts, at_ns, source, reason, doubt, $8 FROM gone
"""

# $1 event ids, $2 channels, $3 kinds, $4 attempts so far
COUNT_ATTEMPTS = """
UPDATE outbox SET attempts = input.attempts
FROM unnest($1::uuid[], $2::smallint[], $3::smallint[], $4::smallint[]) AS input (event_id, channel, kind, attempts)
WHERE outbox.event_id = input.event_id AND outbox.channel = input.channel AND outbox.kind = input.kind
"""

# An instance is dead when the session that held its advisory lock (1, instance) is gone: then the lock can be had (for
# the length of this statement; of two that ask at once one sees the dead a turn later). To look it up in pg_locks
# would read every lock of the server, which cost more than all else that an idle replica does. $1 own instance
DEAD_INSTANCES = """
SELECT instance FROM instance WHERE NOT closed AND instance <> $1 AND pg_try_advisory_xact_lock(1, instance::int)
"""

# $1 dead instance, $2 own instance, $3 how many at most
TAKE_DELIVERIES = """
WITH orphan AS MATERIALIZED (
    SELECT event_id, channel, kind FROM outbox WHERE owner = $1 LIMIT $3 FOR UPDATE SKIP LOCKED
), mine AS (
    UPDATE outbox SET owner = $2 FROM orphan
    WHERE outbox.event_id = orphan.event_id AND outbox.channel = orphan.channel AND outbox.kind = orphan.kind
    RETURNING outbox.event_id, outbox.channel, outbox.kind, attempts
)
SELECT mine.event_id, channel, mine.kind, attempts, received_at_ns, event.source, event.risk, event.level, incident_id,
       signature
FROM mine JOIN event USING (event_id) JOIN incident USING (incident_id) ORDER BY received_at_ns
"""

# Statements of a dead replica can still be at work in the server; its rows are all there only when they have ended.
SESSIONS_OF = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'phantommesh/' || $1::bigint"
CLOSE_INSTANCE = """
UPDATE instance SET closed = true WHERE instance = $1
    AND NOT EXISTS (SELECT 1 FROM outbox WHERE owner = $1)
"""

# $1 own instance, $2 lease (s). A replica that is silent but alive (stopped, hung) is cut off from the database:
# its locks go, its work is taken over, and it must begin a new session before it can do anything again.
# The list of the server's sessions is read only when somebody is silent.
HEARTBEAT = "UPDATE instance SET seen_at = clock_timestamp() WHERE instance = $1"
CUT_OFF_SILENT = """
SELECT pg_terminate_backend(pid) FROM instance
CROSS JOIN LATERAL (SELECT pid FROM pg_stat_activity WHERE application_name = 'phantommesh/' || instance) AS theirs
WHERE NOT closed AND instance <> $1 AND seen_at < clock_timestamp() - make_interval(secs => $2)
"""

# $1 own instance: events of the others that are not fully handled
DEPTH_OF_OTHERS = "SELECT count(DISTINCT event_id) FROM outbox WHERE owner <> $1"

# The lines of the audit trail, from the three tables that hold them. $1 source or null, $2 after
AUDIT_OF_EVENTS = """
SELECT event.seq, received_at_ns, assessed_at_ns, event.event_id::text, event.source, replica, event.signature_id,
       event.risk, event.level, confidence, due, verdict, incident_id::text, incident.event_id = event.event_id
FROM event JOIN incident USING (incident_id)
WHERE event.seq > $2::bigint - 3 AND ($1::text IS NULL OR event.source = $1) ORDER BY event.seq
"""
AUDIT_OF_DELIVERIES = """
SELECT seq, at_ns, event_id, source, replica, channel, kind, attempts, reason, doubt
FROM delivery WHERE seq > $2 AND ($1::text IS NULL OR source = $1) ORDER BY seq
"""
AUDIT_OF_THE_REST = """
SELECT seq, at_ns, event_id::text, source, action, replica, detail
FROM audit WHERE seq > $2 AND ($1::text IS NULL OR source = $1) ORDER BY seq
"""
