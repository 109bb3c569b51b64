-- Owned by phantommesh_owner; vpn-core works as phantommesh_vpn, which may add to the trail and to the signals, never
-- change them, and sees nothing outside of this schema.
CREATE SCHEMA vpn;

-- One row: where the search for a free address begins. Its row lock makes registrations follow one another.
CREATE TABLE vpn.mesh (
    only_row    boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    next_number integer NOT NULL
);
INSERT INTO vpn.mesh (next_number) VALUES (1);

CREATE TABLE vpn.peer (
    peer_id       uuid PRIMARY KEY,
    seq           bigserial UNIQUE,
    created_at_ns bigint NOT NULL,
    number        integer NOT NULL CONSTRAINT peer_address UNIQUE,  -- of the address within the mesh's network
    name          text NOT NULL CONSTRAINT peer_name UNIQUE,
    address       text NOT NULL,
    public_key    text NOT NULL CONSTRAINT peer_public_key UNIQUE,
    endpoint      text
);
CREATE UNIQUE INDEX peer_by_address ON vpn.peer (address);

-- An address is quarantined while it has a row that is not released; so is the peer that has the address.
CREATE TABLE vpn.quarantine (
    key               uuid PRIMARY KEY,    -- chosen by the caller
    seq               bigserial UNIQUE,
    quarantined_at_ns bigint NOT NULL,
    released_at_ns    bigint,
    peer_id           uuid,                -- the peer that had the address at that moment
    address           text NOT NULL,
    reason            text NOT NULL
);
CREATE INDEX quarantine_active ON vpn.quarantine (address) WHERE released_at_ns IS NULL;

-- What was done. A key is quarantined once and released once: a second line for either cannot be.
CREATE TABLE vpn.trail (
    seq     bigserial PRIMARY KEY,
    at_ns   bigint NOT NULL,
    key     uuid NOT NULL,
    peer_id uuid,
    action  text NOT NULL CHECK (action IN ('quarantined', 'released')),
    address text NOT NULL,
    reason  text NOT NULL,
    replica text NOT NULL,
    UNIQUE (key, action)
);

CREATE TABLE vpn.signal (
    seq     bigserial PRIMARY KEY,
    at_ns   bigint NOT NULL,
    address text NOT NULL,
    kind    text NOT NULL,
    detail  text NOT NULL                  -- JSON object
);

GRANT USAGE ON SCHEMA vpn TO phantommesh_vpn;
GRANT SELECT, UPDATE ON vpn.mesh TO phantommesh_vpn;
GRANT SELECT, INSERT, DELETE ON vpn.peer TO phantommesh_vpn;
GRANT SELECT, INSERT, UPDATE (released_at_ns) ON vpn.quarantine TO phantommesh_vpn;
GRANT SELECT, INSERT ON vpn.trail, vpn.signal TO phantommesh_vpn;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA vpn TO phantommesh_vpn;
