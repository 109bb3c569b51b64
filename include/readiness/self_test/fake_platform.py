"""A platform that keeps the contract of docs/platform-api.md, small enough to be read at once, with one fault planted.

``python -m readiness.self_test.fake_platform --fault NAME`` serves on a free port of 127.0.0.1, prints the address and
ends with the process that started it. ``python -m readiness.self_test.fake_platform --tell URL kill`` makes a running
one drop all connections and refuse new ones, as a process that was killed and started again; ``repair`` brings it back.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import tempfile
import time
import urllib.request
from collections import deque
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psutil

from readiness.self_test.fake_store import Event, Store
from readiness.self_test.planted_faults import PLANTED, Sound

_LONGEST_S = 1800.0
_LOOK_FOR_PARENT_S = 0.5
_DOWN_S = 0.3
_ACCEPTED = b'{"status":"accepted"}'
_REASONS = {200: b"OK", 202: b"Accepted", 400: b"Bad Request", 404: b"Not Found", 500: b"Error", 503: b"Unavailable"}


class FakePlatform:
    """One process that takes events, keeps them and answers for them."""

    def __init__(self, fault: Sound, folder: Path) -> None:
        self.fault, self.store = fault, Store(folder, fault)
        self.serving, self.broken, self.number, self.started_s = True, False, 0, 0.0
        self._unstored: deque[tuple[float, Event, int, int | None]] = deque()
        self._leak: list[bytearray] = []
        self._process, self._begun_s = psutil.Process(), time.time()
        self.connections: set[Connection] = set()

    @property
    def at_s(self) -> float:
        """Seconds since the first event; 0 before it."""
        return time.monotonic() - self.started_s if self.started_s else 0.0

    def take(self, body: bytes) -> tuple[int, bytes, float]:
        """Status, body and delay of the answer to POST /v1/events."""
        try:
            found = json.loads(body)
            events = found if isinstance(found, list) else [found]
            for event in events:
                event["event_id"], event["alert"]["signature_id"], event["src_ip"]
        except (ValueError, KeyError, TypeError):
            return 400, b'{"error":"not an alert"}', 0.0
        self.started_s = self.started_s or time.monotonic()
        at_s, status, wait_s = self.at_s, 202, 0.0
        for event in events:
            number, self.number = self.number, self.number + 1
            status = 503 if self.broken else self.fault.status(number, at_s)
            wait_s = max(wait_s, self.fault.waits_s(number, at_s))
            if status == 202 and self.fault.keeps(number):
                self._keep(event, number)
        return status, _ACCEPTED if status == 202 else b'{"error":"planted"}', wait_s

    def _keep(self, event: Event, number: int) -> None:
        if size := self.fault.leaks_bytes():
            self._leak.append(bytearray(os.urandom(size)))
        late_s, at_ns = self.fault.stores_later_s, self.fault.clock_ns(self.at_s)
        held_s = late_s or self.fault.first_to_lose_s
        if not held_s:
            self.store.keep(event, number, at_ns)
            return
        self._unstored.append((time.monotonic() + held_s, event, number, None if late_s else at_ns))

    async def store_late(self) -> None:
        """Stores what a fault holds back, once its time has come."""
        while True:
            while self._unstored and self._unstored[0][0] <= time.monotonic():
                _, event, number, at_ns = self._unstored.popleft()
                self.store.keep(event, number, self.fault.clock_ns(self.at_s) if at_ns is None else at_ns)
            await asyncio.sleep(0.005)

    async def kill(self) -> None:
        """As a kill and a new start: connections break, what was not stored is gone, counters begin anew."""
        self.serving = False
        self._unstored.clear()
        self.store.totals.clear()
        for connection in tuple(self.connections):
            connection.abort()
        await asyncio.sleep(_DOWN_S)
        self.serving, self.broken, self._begun_s = True, not self.fault.recovers, time.time()

    def repair(self) -> None:
        """What a person does to one that did not recover by itself."""
        self.broken = False

    def metrics(self) -> bytes:
        """The answer to GET /metrics."""
        with self._process.oneshot():
            cpu, memory = self._process.cpu_times(), self._process.memory_info()
        values = self.store.totals | {
            "phantommesh_queue_depth": float(len(self._unstored)),
            "process_cpu_seconds_total": cpu.user + cpu.system,
            "process_resident_memory_bytes": float(memory.rss),
            "process_start_time_seconds": self._begun_s,
        }
        shown = self.fault.metrics(values, self.at_s)
        return "".join(f"{name} {value!r}\n" for name, value in shown.items()).encode()

    def answer(self, target: str) -> tuple[int, bytes]:
        """The answer to a GET."""
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path in ("/readyz", "/healthz"):
            return (
                (200, b"")
                if self.fault.ready(self.at_s, self.serving and not self.broken)
                else (503, b'{"reason":"not serving"}')
            )
        if parts.path == "/metrics":
            return 200, self.metrics()
        if parts.path == "/v1/audit":
            lines = self.store.lines("audit", query.get("source", ""), self.fault.audit_share())
            return 200, b"".join(lines) + (_end(lines) if self.fault.ends_audit(len(lines)) else b"")
        if parts.path == "/deliveries":
            lines = self.store.lines("deliveries", query.get("source", ""))
            return 200, b"".join(lines) + _end(lines)
        if parts.path.startswith("/v1/incidents"):
            return 200, b'{"end":true,"count":0,"last":null}\n'
        return 404, b'{"error":"no such path"}'


def _end(lines: list[bytes]) -> bytes:
    return json.dumps({"end": True, "count": len(lines), "last_seq": len(lines)}).encode() + b"\n"


class Connection(asyncio.Protocol):
    """HTTP/1.1 over one connection, as much of it as the contract needs."""

    def __init__(self, platform: FakePlatform) -> None:
        self._platform, self._held = platform, b""
        self._transport: Any = None
        self._last_answer_s = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._platform.connections.add(self)
        if not self._platform.serving or self._platform.fault.refuses_new(self._platform.at_s):
            self._held = b"refused"

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002
        self._platform.connections.discard(self)

    def abort(self) -> None:
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        refused = self._held == b"refused"
        self._held = data if refused else self._held + data
        while (head_end := self._held.find(b"\r\n\r\n")) >= 0:
            head = self._held[:head_end]
            place = head.lower().find(b"content-length:")
            length = int(head[place + 15 :].split(b"\r\n", 1)[0]) if place >= 0 else 0
            if len(self._held) < head_end + 4 + length:
                return
            body, self._held = self._held[head_end + 4 : head_end + 4 + length], self._held[head_end + 4 + length :]
            method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ", 2)
            if (refused or not self._platform.serving) and not target.startswith(("/readyz", "/healthz", "/self-test")):
                self.abort()
                return
            self._respond(method, target, body)

    def _respond(self, method: str, target: str, body: bytes) -> None:
        if method == "GET":
            self._write(*self._platform.answer(target))
        elif target == "/v1/events":
            status, said, wait_s = self._platform.take(body)
            if wait_s:
                asyncio.get_running_loop().call_later(wait_s, self._write, status, said)
            else:
                self._write(status, said)
        elif target == "/self-test/kill":
            self._write(200, b"{}")
            _TASKS.add(asyncio.get_running_loop().create_task(self._platform.kill()))
        elif target == "/self-test/repair":
            self._platform.repair()
            self._write(200, b"{}")
        else:
            self._write(404, b'{"error":"no such path"}')

    def _write(self, status: int, body: bytes) -> None:
        head = b"HTTP/1.1 %d %s\r\nContent-Length: %d\r\n\r\n" % (status, _REASONS[status], len(body))
        self._transport.write(head + body)


_TASKS: set[asyncio.Task[None]] = set()


async def serve(fault: Sound, port: int, folder: Path) -> None:
    """Serve until SIGTERM, or until the process that started this one has gone, at most half an hour."""
    platform, loop, parent = FakePlatform(fault, folder), asyncio.get_running_loop(), os.getppid()
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    server = await loop.create_server(lambda: Connection(platform), "127.0.0.1", port, backlog=2048)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    _TASKS.add(loop.create_task(platform.store_late()))
    ends_s = time.monotonic() + _LONGEST_S
    while os.getppid() == parent and time.monotonic() < ends_s and not ended.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), _LOOK_FOR_PARENT_S)


def main() -> None:
    parser = argparse.ArgumentParser(prog="fake_platform", description="A platform with one planted fault.")
    parser.add_argument("--fault", choices=sorted(PLANTED), default="none")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--tell", nargs=2, metavar=("URL", "WHAT"), help="make a running one do it: kill or repair")
    asked = parser.parse_args()
    if asked.tell:
        url, what = asked.tell
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        opener.open(urllib.request.Request(f"{url}/self-test/{what}", data=b""), timeout=10).close()
        return
    with tempfile.TemporaryDirectory(prefix="fake-platform-") as folder:
        asyncio.run(serve(PLANTED[asked.fault](), asked.port, Path(folder)))


if __name__ == "__main__":
    main()
