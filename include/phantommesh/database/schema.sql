-- Owned by phantommesh_owner; the service works as phantommesh_app, which may add to the audit trail, never change it.
CREATE TABLE event (
    event_id       uuid PRIMARY KEY,
    source         text NOT NULL,
    received_at_ns bigint NOT NULL,
    body           bytea NOT NULL          -- the observation as it came
);

-- Accepted and not yet assessed. owner is the replica session (instance) that works on it.
CREATE TABLE inbox (
    event_id uuid PRIMARY KEY,
    owner    bigint NOT NULL
) WITH (fillfactor = 70, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0,
        autovacuum_vacuum_insert_threshold = -1);
CREATE INDEX inbox_owner ON inbox (owner);

CREATE TABLE incident (
    incident_id  uuid PRIMARY KEY,
    src_ip       text NOT NULL,
    dest_ip      text NOT NULL,
    signature_id bigint NOT NULL,
    opened_at_ns bigint NOT NULL,
    level        text NOT NULL             -- of the event that opened it
);

-- The incident that an observation of this kind joins at present; its row lock makes joining race-free.
CREATE TABLE incident_window (
    src_ip       text NOT NULL,
    dest_ip      text NOT NULL,
    signature_id bigint NOT NULL,
    incident_id  uuid NOT NULL,
    opened_at_ns bigint NOT NULL,
    PRIMARY KEY (src_ip, dest_ip, signature_id)
) WITH (fillfactor = 70, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);

CREATE TABLE assessment (
    event_id    uuid PRIMARY KEY,
    incident_id uuid NOT NULL,
    risk        double precision NOT NULL,
    confidence  double precision NOT NULL,
    level       text NOT NULL
);

-- Due and not yet taken by the channel.
CREATE TABLE outbox (
    delivery_id uuid PRIMARY KEY,          -- derived from event and channel: one delivery of an event to a channel
    event_id    uuid NOT NULL,
    channel     text NOT NULL,
    owner       bigint NOT NULL,
    attempts    integer NOT NULL DEFAULT 0
) WITH (fillfactor = 70, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0,
        autovacuum_vacuum_insert_threshold = -1);
CREATE INDEX outbox_owner ON outbox (owner);

CREATE TABLE audit (
    seq      bigserial PRIMARY KEY,
    at_ns    bigint NOT NULL,
    event_id uuid NOT NULL,
    source   text NOT NULL,
    action   text NOT NULL,
    replica  text NOT NULL,
    detail   text NOT NULL                 -- JSON
);

-- One row for each session of a replica with this database. It lives while its advisory lock (1, instance) is held.
CREATE TABLE instance (
    instance bigserial PRIMARY KEY,
    replica  text NOT NULL,
    seen_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    closed   boolean NOT NULL DEFAULT false
);

GRANT SELECT, INSERT ON event, incident, assessment, audit TO phantommesh_app;
GRANT SELECT, INSERT, UPDATE ON incident_window, instance TO phantommesh_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON inbox, outbox TO phantommesh_app;
GRANT USAGE ON SEQUENCE audit_seq_seq, instance_instance_seq TO phantommesh_app;
