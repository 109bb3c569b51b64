"""Imports threat intelligence as the owner of its tables: the service's own role may only read them."""

import asyncpg

from phantommesh.database.schema import DATABASE, OWNER
from phantommesh.database.server import SUPERUSER
from phantommesh.threat_model.intelligence_file import IntelligenceError, IntelligenceFile
from phantommesh.threat_model.intelligence_tables import replace_source


async def import_file(socket_dir: str, file: IntelligenceFile) -> int:
    """Replace what the file's source said; returns the new version. Raises IntelligenceError."""
    try:
        connection = await asyncpg.connect(
            host=socket_dir, user=SUPERUSER, database=DATABASE, timeout=10, command_timeout=120
        )
        try:
            await connection.execute(f"SET ROLE {OWNER}")
            return await replace_source(connection, file)
        finally:
            await connection.close(timeout=5)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise IntelligenceError(
            f"the database in {socket_dir} did not take it ({error}); nothing is changed"
        ) from error
