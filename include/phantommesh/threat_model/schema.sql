-- Of the threat model. Comes after the service's own schema: it reads event and incident.

-- What was seen of an address in one closed hour, by the time of receipt.
CREATE TABLE history_hour (
    hour_start_ns bigint NOT NULL,
    address       text NOT NULL,
    sent          integer NOT NULL,        -- alerts with the address as source
    received      integer NOT NULL,        -- alerts with the address as destination
    signatures    integer NOT NULL,        -- distinct ones among both
    worst_risk    real NOT NULL,           -- among both, 0 to 10
    PRIMARY KEY (address, hour_start_ns)
);

-- The closed hours. version = hours since the epoch; a row appears together with all rows of its hour, and never changes.
CREATE TABLE history_version (
    version         bigint PRIMARY KEY,
    published_at_ns bigint NOT NULL,
    replica         text NOT NULL,
    addresses       integer NOT NULL
);

-- An hour's events are found without walking all of them; costs next to nothing when events are added.
CREATE INDEX event_received_at ON event USING brin (received_at_ns) WITH (pages_per_range = 32, autosummarize = on);

-- Addresses and networks that are known for something, with what that adds to the risk.
CREATE TABLE threat_intelligence (
    source        text NOT NULL,
    network       cidr NOT NULL,
    kind          text NOT NULL,
    risk_add      real NOT NULL CHECK (risk_add > 0 AND risk_add <= 10),
    expires_at_ns bigint,                  -- no longer counts for events received from then on; null: never expires
    PRIMARY KEY (source, network, kind)
);

-- One row for each import; the greatest version is what threat_intelligence holds.
CREATE TABLE threat_intelligence_version (
    version        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source         text NOT NULL,
    indicators     integer NOT NULL,
    imported_at_ns bigint NOT NULL
);

GRANT SELECT, INSERT ON history_hour, history_version TO phantommesh_app;
GRANT SELECT ON threat_intelligence, threat_intelligence_version TO phantommesh_app;
