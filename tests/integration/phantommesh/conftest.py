"""A really started platform, and short words to talk to it."""

import asyncio
import http.client
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

ROOT = Path(__file__).parents[3]
COMMAND = [sys.executable, "-m", "phantommesh"]
DEADLINE_S = 20.0


def run_command(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """A command of the platform, to its end."""
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=120, env=os.environ | environment, check=False
    )


def until(condition: Callable[[], Any], deadline_s: float = DEADLINE_S) -> float:
    """Wait for a condition; returns after how many seconds it held. Fails at the deadline."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < deadline_s, f"not within {deadline_s} s"
        time.sleep(0.02)
    return time.monotonic() - start


class Answer:
    """An HTTP answer."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self) -> Any:
        return json.loads(self.body)


def call(url: str, method: str = "GET", body: bytes | None = None, timeout_s: float = 30) -> Answer:
    """One request over a connection of its own: the kernel chooses the replica anew."""
    host, _, path = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=timeout_s)
    try:
        connection.request(method, f"/{path}", body=body, headers={"Connection": "close"})
        return Answer(connection.getresponse())
    finally:
        connection.close()


class Platform:
    """A running platform."""

    def __init__(self, state: Path, document: dict[str, Any]) -> None:
        self.state = state
        self.base_url: str = document["base_url"]
        self.sink_url: str = document["sink_url"]
        self.vpn_url: str = document["vpn_url"]

    def status(self) -> dict[str, Any]:
        return json.loads(run_command("status", "--state", str(self.state), "--json").stdout)

    def component(self, replica: str) -> dict[str, Any]:
        return next(item for item in self.status()["components"] if item["replica"] == replica)

    def admin_urls(self) -> list[str]:
        return [item["admin_url"] for item in self.status()["components"] if item["component"] == "automation"]

    def vpn(self, path: str, method: str = "GET", document: Any = None) -> Answer:
        """Ask vpn-core."""
        body = document if document is None or isinstance(document, bytes) else json.dumps(document).encode()
        return call(f"{self.vpn_url}{path}", method, body)

    def query(self, statement: str, *arguments: Any) -> list[Any]:
        """Rows of the database, as its superuser."""

        async def fetch() -> list[Any]:
            run = json.loads((self.state / "run.json").read_text())
            connection = await asyncpg.connect(host=f"{run['runtime_dir']}/db", user="postgres", database="phantommesh")
            try:
                return list(await connection.fetch(statement, *arguments))
            finally:
                await connection.close()

        return asyncio.run(fetch())

    def supervise(self, action: str, name: str) -> None:
        """Have the supervisor start or stop (startProcess, stopProcess) a process, and wait until it has."""
        from xmlrpc.client import ServerProxy

        from supervisor.xmlrpc import SupervisorTransport

        run = json.loads((self.state / "run.json").read_text())
        transport = SupervisorTransport("", "", f"unix://{run['runtime_dir']}/supervisor.sock")
        getattr(ServerProxy("http://127.0.0.1", transport=transport).supervisor, action)(name)
        transport.close()

    def post(self, document: Any) -> Answer:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        return call(f"{self.base_url}/v1/events", "POST", body)

    def audit(self, query: str = "") -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """The rows and the last line."""
        answer = call(f"{self.base_url}/v1/audit?{query}")
        assert answer.status == 200
        *rows, last = map(json.loads, answer.body.splitlines())
        return rows, last

    def deliveries(self, source: str) -> list[dict[str, Any]]:
        *rows, last = map(json.loads, call(f"{self.sink_url}/deliveries?source={source}").body.splitlines())
        assert last == {"end": True, "count": len(rows)}
        return rows

    def handled(self, source: str) -> dict[str, Counter[str]]:
        """The audit's actions of each event of a source."""
        found: dict[str, Counter[str]] = {}
        for row in self.audit(f"source={source}")[0]:
            found.setdefault(row["event_id"], Counter())[row["action"]] += 1
        return found

    def all_handled(self, source: str, event_ids: set[str]) -> bool:
        """Whether every due delivery of these events is over; not known, so no, when the answer was cut short: the
        kernel may have given the question to a replica that was killed just then."""
        due: Counter[str] = Counter()
        try:
            rows = self.audit(f"source={source}")[0]
        except (ConnectionError, http.client.HTTPException):
            return False
        for row in rows:
            if row["action"] == "assessed":
                due[row["event_id"]] += len(row["detail"]["due"]) + 1
            if row["action"] in ("delivered", "delivery_failed"):
                due[row["event_id"]] -= 1
        return all(due[event_id] == 1 for event_id in event_ids)


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Platform]]:
    """Start platforms; all are stopped at the end of the module."""
    states: list[Path] = []

    def started(*options: str, **environment: str) -> Platform:
        state = tmp_path_factory.mktemp("platform") / "state"
        states.append(state)
        done = run_command("up", "--state", str(state), "--json", *options, **environment)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return Platform(state, json.loads(done.stdout))

    yield started
    for state in states:
        stopped = run_command("down", "--state", str(state))
        assert stopped.returncode == 0, stopped.stderr


@pytest.fixture(scope="module")
def platform(start: Callable[..., Platform]) -> Platform:
    """The platform as it ships: three replicas."""
    return start()


@pytest.fixture(scope="session")
def recorded() -> list[dict[str, Any]]:
    """Real alerts."""
    files = sorted((ROOT / "scenarios/traffic/suricata").glob("*.json"))
    return [alert for file in files for alert in json.loads(file.read_text())]


@pytest.fixture
def critical(recorded: list[dict[str, Any]]) -> dict[str, Any]:
    """An alert that is due at all four channels."""
    return next(alert for alert in recorded if "CMD Shell from Local System" in alert["alert"]["signature"])
