"""What probes send: complete HTTP requests, made of constant parts."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache

from readiness.clients.ingress import READ_PATH

SOURCES = 16
_ALERT = {
    "event_type": "alert",
    "dest_ip": "198.51.100.1",
    "proto": "TCP",
    "src_port": 40000,
    "dest_port": 443,
    "alert": {
        "action": "allowed",
        "gid": 1,
        "signature_id": 9_000_001,
        "rev": 1,
        "signature": "ET POLICY readiness probe",
        "category": "Not Suspicious Traffic",
        "severity": 3,
    },
}
"""An alert of the least weight: severity 3, a category that says it is harmless, a matter of policy, between addresses
reserved for documentation (RFC 5737). Its level is low, so that it is due at no channel."""


@dataclass(frozen=True)
class Head:
    """What the head of every request of a lane has. ``host``: the name that is asked for; ``authorization``: the value
    of that header, empty without one."""

    host: str
    reused: bool
    authorization: str = field(default="", repr=False)

    def lines(self) -> str:
        """Its lines, each with its end."""
        proof = f"Authorization: {self.authorization}\r\n" if self.authorization else ""
        return f"Host: {self.host}\r\n{proof}" + ("" if self.reused else "Connection: close\r\n")


def read_request(head: Head) -> bytes:
    """The request of a read probe. Whatever keeps answers on the way must not answer in place of a replica."""
    return f"GET {READ_PATH} HTTP/1.1\r\n{head.lines()}Cache-Control: no-store\r\n\r\n".encode()


class WriteRequests:
    """The requests of write probes. Source addresses take turns, so that the events do not all queue up at one
    incident."""

    def __init__(self, head: Head, source: str) -> None:
        marks = {"timestamp": "@timestamp@", "event_id": "@event_id@", "src_ip": "@src_ip@"}
        body = json.dumps(_ALERT | marks | {"host": source}, separators=(",", ":")).replace("%", "%%")
        for name, mark in marks.items():
            body = body.replace(mark, f"%({name})s")
        self._body = body
        self._head = f"POST /v1/events HTTP/1.1\r\n{head.lines()}Content-Type: application/json\r\n"

    def make(self, number: int, event_id: str, at_ns: int) -> bytes:
        """The request that posts event ``event_id``, observed at ``at_ns`` (epoch)."""
        second, rest_ns = divmod(at_ns, 1_000_000_000)
        timestamp = f"{_second(second)}.{rest_ns // 1000:06d}+0000"
        src_ip = f"203.0.113.{1 + number % SOURCES}"
        body = self._body % {"timestamp": timestamp, "event_id": event_id, "src_ip": src_ip}
        return f"{self._head}Content-Length: {len(body)}\r\n\r\n{body}".encode("ascii")


@lru_cache(maxsize=4)
def _second(epoch_s: int) -> str:
    return datetime.fromtimestamp(epoch_s, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S")
