"""One process that works on remediations as a replica does, and that can die at a chosen step:
``python remediation_process.py STATE NAME PORT SETTINGS-AS-JSON [STEP]``. It prints `ready` once it has a session, and
wakes the worker at each line of standard input. PORT 0: where the platform's vpn-core is."""

import asyncio
import json
import os
import signal
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from phantommesh.automation.remediation import remediator, statements
from phantommesh.automation.remediation.remediator import Remediator
from phantommesh.automation.remediation.vpn_core_client import Quarantined, VpnCoreClient
from phantommesh.automation.session import Connector
from phantommesh.config.load import from_json
from phantommesh.supervision.state import State

STEPS = ("before the call", "in the call", "after the call", "in the mark", "after the mark")


@dataclass(frozen=True)
class Settings:
    enabled: bool = True
    dry_run: bool = False
    max_concurrent: int = 10
    max_retries: int = 3
    retry_backoff_s: float = 0.1
    call_timeout_s: float = 3.0
    turn_s: float = remediator.TURN_S


class Mortal:
    """Kills this process, like kill -9, when the step comes."""

    def __init__(self, step: str) -> None:
        self._step = step

    def at(self, step: str) -> None:
        if step == self._step:
            os.kill(os.getpid(), signal.SIGKILL)

    def awaits(self, step: str) -> bool:
        return step == self._step


class MortalClient(VpnCoreClient):
    def __init__(self, port: int, timeout_s: float, mortal: Mortal) -> None:
        super().__init__("127.0.0.1", port, timeout_s)
        self._mortal = mortal

    async def quarantine(self, incident_id: uuid.UUID, address: str, reason: str) -> Quarantined:
        self._mortal.at("before the call")
        if self._mortal.awaits("in the call"):
            call = asyncio.ensure_future(super().quarantine(incident_id, address, reason))
            await asyncio.wait([call], timeout=0.001)  # connected and asked; vpn-core's commit is under way
            self._mortal.at("in the call")
        answer = await super().quarantine(incident_id, address, reason)
        self._mortal.at("after the call")
        return answer


class MortalConnection:
    """A connection whose process dies when the mark has been sent and before it is answered."""

    def __init__(self, connection: Any, mortal: Mortal) -> None:
        self._connection = connection
        self._mortal = mortal

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    async def fetch(self, statement: str, *arguments: Any) -> Any:
        if statement is statements.END and self._mortal.awaits("in the mark"):
            await self._connection.prepare(statement)
            mark = asyncio.ensure_future(self._connection.fetch(statement, *arguments))
            await asyncio.wait([mark], timeout=0.0005)
            self._mortal.at("in the mark")
        return await self._connection.fetch(statement, *arguments)


class MortalConnector:
    def __init__(self, connector: Connector, mortal: Mortal) -> None:
        self._connector = connector
        self._mortal = mortal

    async def connect(self, name: str, **server_settings: str) -> Any:
        return MortalConnection(await self._connector.connect(name, **server_settings), self._mortal)


async def main(folder: str, name: str, port: str, settings: str, step: str = "") -> None:
    state, mortal, chosen = State(Path(folder)), Mortal(step), Settings(**json.loads(settings))
    run = state.read_run()
    assert run is not None
    connector = Connector(run.database, from_json(state.config.read_bytes()).database)
    session = await connector.open(name)
    client = MortalClient(int(port) or run.vpn_port, chosen.call_timeout_s, mortal)
    worker = Remediator(
        name, chosen, client, MortalConnector(connector, mortal), lambda _operation, _ns: mortal.at("after the mark")
    )
    remediator.TURN_S = chosen.turn_s
    asyncio.get_running_loop().add_reader(sys.stdin, lambda: sys.stdin.readline() and worker.wake())
    print("ready", flush=True)
    await worker.run(session)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
