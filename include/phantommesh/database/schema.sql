-- Owned by phantommesh_owner; the service works as phantommesh_app. What tells what happened (event, delivery, audit) it
-- may add to and read, never change. The audit trail is those three together: see the view audit_trail.

-- One numbering for all lines of the audit trail. An event has three lines, so a number leaves room for them.
CREATE SEQUENCE audit_seq INCREMENT BY 4;

-- One transaction makes an event durable, assessed, and part of an incident.
CREATE TABLE event (
    event_id       uuid PRIMARY KEY,
    seq            bigint NOT NULL,        -- received; seq + 1: assessed; seq + 2: incident_opened or incident_joined
    received_at_ns bigint NOT NULL,
    assessed_at_ns bigint NOT NULL,
    signature_id   bigint NOT NULL,
    incident_id    uuid NOT NULL,
    risk           real NOT NULL,          -- 0 to 10
    confidence     real NOT NULL,          -- 0 to 1
    due            smallint NOT NULL,      -- the channels that must get it: bit n is the n-th of CHANNELS
    level          text NOT NULL,
    source         text NOT NULL,
    replica        text NOT NULL,
    verdict        text,                   -- JSON object: what the assessment rests on; null: the rules alone
    body           bytea NOT NULL          -- the observation as it came
);
CREATE UNIQUE INDEX event_seq ON event (seq);
CREATE INDEX event_incident ON event (incident_id, seq);

CREATE TABLE incident (
    incident_id        uuid PRIMARY KEY,
    event_id           uuid NOT NULL,      -- the event that opened it
    signature_id       bigint NOT NULL,
    opened_at_ns       bigint NOT NULL,
    acknowledged_at_ns bigint,
    resolved_at_ns     bigint,
    escalated_at_ns    bigint,
    risk               real NOT NULL,      -- of the event that opened it, like the level
    level              text NOT NULL,
    source             text NOT NULL,
    src_ip             text NOT NULL,
    dest_ip            text NOT NULL,
    signature          text NOT NULL,
    acknowledged_by    text,
    resolved_by        text,
    resolution         text
);
CREATE INDEX incident_opened ON incident (opened_at_ns, incident_id);
CREATE INDEX incident_to_escalate ON incident (opened_at_ns)
    WHERE acknowledged_at_ns IS NULL AND resolved_at_ns IS NULL AND escalated_at_ns IS NULL;

-- The incident that an observation of this kind joins at present; its row lock makes opening race-free.
CREATE TABLE incident_window (
    src_ip       text NOT NULL,
    dest_ip      text NOT NULL,
    signature_id bigint NOT NULL,
    incident_id  uuid NOT NULL,
    opened_at_ns bigint NOT NULL,
    PRIMARY KEY (src_ip, dest_ip, signature_id)
) WITH (fillfactor = 70, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);

-- Due and not yet taken by the channel. owner is the replica session (instance) that works on it.
CREATE TABLE outbox (
    event_id uuid NOT NULL,
    channel  smallint NOT NULL,            -- position in CHANNELS
    kind     smallint NOT NULL DEFAULT 0,  -- 0: the alert, 1: its escalation
    attempts smallint NOT NULL DEFAULT 0,
    owner    bigint NOT NULL,
    PRIMARY KEY (event_id, channel, kind)
) WITH (fillfactor = 70, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_scale_factor = 0,
        autovacuum_vacuum_insert_threshold = -1);

-- Deliveries that are over. A second row for the same delivery cannot be.
CREATE TABLE delivery (
    event_id uuid NOT NULL,
    seq      bigint NOT NULL DEFAULT nextval('audit_seq'),
    at_ns    bigint NOT NULL,
    channel  smallint NOT NULL,
    kind     smallint NOT NULL,
    attempts smallint NOT NULL,
    source   text NOT NULL,
    replica  text NOT NULL,
    reason   text,                         -- why it was given up; null: the channel took it
    doubt    text,                         -- of an earlier attempt that may have arrived: 'found': the channel has it,
                                           -- nothing was sent; 'repeated': nobody could say, it may be there twice;
                                           -- 'unknown': given up, and nobody could say whether it is there
    PRIMARY KEY (event_id, channel, kind)
);
CREATE UNIQUE INDEX delivery_seq ON delivery (seq);

CREATE TABLE remediation (
    incident_id     uuid PRIMARY KEY,
    event_id        uuid NOT NULL,         -- the event that asked for it
    requested_at_ns bigint NOT NULL,
    finished_at_ns  bigint,
    owner           bigint,
    attempts        integer NOT NULL DEFAULT 0,
    risk            real NOT NULL,
    state           text NOT NULL CHECK (state IN ('pending', 'running', 'done', 'failed', 'dry_run')),
    source          text NOT NULL,
    address         text NOT NULL,
    reason          text
);
CREATE INDEX remediation_open ON remediation (requested_at_ns) WHERE state IN ('pending', 'running');

-- State changes that are rare: what people and remediation do.
CREATE TABLE audit (
    seq      bigint PRIMARY KEY DEFAULT nextval('audit_seq'),
    at_ns    bigint NOT NULL,
    event_id uuid NOT NULL,
    source   text NOT NULL,
    action   text NOT NULL,
    replica  text NOT NULL,
    detail   text NOT NULL                 -- JSON
);
CREATE INDEX audit_event ON audit (event_id);

-- For people with a database client; the service merges the three tables itself, a page at a time.
CREATE VIEW audit_trail AS
SELECT seq, received_at_ns AS at_ns, event_id, source, 'received' AS action, replica,
       json_build_object('signature_id', signature_id)::text AS detail FROM event
UNION ALL
SELECT seq + 1, assessed_at_ns, event_id, source, 'assessed', replica,
       json_build_object('risk', risk, 'level', level, 'confidence', confidence, 'due', due)::text FROM event
UNION ALL
SELECT event.seq + 2, assessed_at_ns, event.event_id, event.source,
       CASE WHEN incident.event_id = event.event_id THEN 'incident_opened' ELSE 'incident_joined' END, replica,
       json_build_object('incident_id', incident_id)::text FROM event JOIN incident USING (incident_id)
UNION ALL
SELECT seq, at_ns, event_id, source, CASE WHEN reason IS NULL THEN 'delivered' ELSE 'delivery_failed' END, replica,
       json_build_object('channel', channel, 'kind', kind, 'attempts', attempts, 'reason', reason, 'doubt', doubt)::text
FROM delivery
UNION ALL
SELECT seq, at_ns, event_id, source, action, replica, detail FROM audit;

-- One row for each session of a replica with this database. It lives while its advisory lock (1, instance) is held.
CREATE TABLE instance (
    instance bigserial PRIMARY KEY,
    replica  text NOT NULL,
    seen_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    closed   boolean NOT NULL DEFAULT false
);

GRANT SELECT, INSERT ON event, delivery, audit TO phantommesh_app;
GRANT SELECT ON audit_trail TO phantommesh_app;
GRANT SELECT, INSERT, UPDATE ON incident, incident_window, remediation, instance TO phantommesh_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON outbox TO phantommesh_app;
GRANT USAGE ON SEQUENCE audit_seq, instance_instance_seq TO phantommesh_app;
