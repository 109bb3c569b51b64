"""Keeps the threat model current: a promoted model, closed hours of history, new threat intelligence."""

import asyncio
import logging

import asyncpg

from phantommesh.automation.session import Session
from phantommesh.threat_model.threat_model import ThreatModel

EVERY_S = 1.0
_log = logging.getLogger(__name__)


async def tend(model: ThreatModel, session: Session) -> None:
    """Look once a second until cancelled or the connection is lost. What the database refuses is tried again at the
    next look: a verdict names the versions that it rests on, so an old one is no wrong one."""
    while True:
        model.look_for_model()
        try:
            await model.tend(session.keeper)
        except asyncpg.PostgresError as error:
            if session.lost.is_set():
                raise
            _log.warning("history and intelligence not brought up to date: %s", error)
        await asyncio.sleep(EVERY_S)
