"""Threat intelligence in PostgreSQL: replacing what a source says, and reading all of it as a snapshot."""

import time

import asyncpg

from phantommesh.threat_model.intelligence import NO_INTELLIGENCE, NOTHING_KNOWN, Indicator, Intelligence
from phantommesh.threat_model.intelligence_file import IntelligenceFile

_VERSION = "SELECT coalesce(max(version), 0) FROM threat_intelligence_version"
# Both in one statement, so from one moment.
_READ = """
SELECT (SELECT coalesce(max(version), 0) FROM threat_intelligence_version) AS version,
       network::text AS network, kind, risk_add, source, expires_at_ns
FROM threat_intelligence RIGHT JOIN (SELECT 1) AS always ON true
"""
_ADD = """
INSERT INTO threat_intelligence (source, network, kind, risk_add, expires_at_ns)
SELECT $1, network::cidr, kind, risk_add, expires_at_ns
FROM unnest($2::text[], $3::text[], $4::real[], $5::bigint[]) AS t (network, kind, risk_add, expires_at_ns)
"""
_ADD_VERSION = """
INSERT INTO threat_intelligence_version (source, indicators, imported_at_ns) VALUES ($1, $2, $3) RETURNING version
"""


async def replace_source(connection: asyncpg.Connection, file: IntelligenceFile) -> int:
    """Make what a file says the whole of what its source says; returns the new version. The connection's role must
    own the tables. Raises what asyncpg raises; then nothing was changed."""
    async with connection.transaction():
        # One import at a time: the greatest version then is what the table holds.
        await connection.execute("LOCK TABLE threat_intelligence_version IN EXCLUSIVE MODE")
        await connection.execute("DELETE FROM threat_intelligence WHERE source = $1", file.source)
        columns = [[getattr(item, name) for item in file.indicators]
                   for name in ("network", "kind", "risk_add", "expires_at_ns")]  # fmt: skip
        await connection.execute(_ADD, file.source, *columns)
        return int(await connection.fetchval(_ADD_VERSION, file.source, len(file.indicators), time.time_ns()))


async def read_intelligence(connection: asyncpg.Connection) -> Intelligence:
    """The whole of it."""
    rows = await connection.fetch(_READ)
    version = rows[0]["version"]
    return Intelligence(
        version,
        [
            # A real holds seven digits; nobody judges a risk to more than two decimals.
            Indicator(row["network"], row["kind"], round(row["risk_add"], 2), row["source"], row["expires_at_ns"])
            for row in rows
            if row["network"] is not None
        ],
    )


class CurrentIntelligence:
    """The snapshot in force in a replica."""

    def __init__(self) -> None:
        self.snapshot = NOTHING_KNOWN

    async def tend(self, connection: asyncpg.Connection) -> bool:
        """Read all of it when there is another version; call it each second. Whether there was one. Raises what
        asyncpg raises; the snapshot in force then stays."""
        version = await connection.fetchval(_VERSION)
        if version in (self.snapshot.version, NO_INTELLIGENCE):
            return False
        self.snapshot = await read_intelligence(connection)
        return True
