"""A Prometheus of a few series on loopback: instant queries with a range selector, in the form of its HTTP API, and
what can go wrong with an answer."""

import json
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

_QUERY = re.compile(r"\{(?P<matchers>.*)\}\[(?P<length>\d+)ms\]")
_MATCHER = re.compile(r'(?P<name>\w+)(?P<how>=~|!~|=)"(?P<value>[^"]*)"')


@dataclass
class Stored:
    """A series: its labels (``__name__`` among them) and its samples (epoch ms, value)."""

    labels: Mapping[str, str]
    samples: list[tuple[int, float]]


@dataclass
class Faults:
    """``refuse``: HTTP status and error text of every answer; ``cut``: answers end in their middle; ``told``: further
    keys of an answer; ``most``: samples that one query may load; ``clock_s``: by how much its clock is ahead;
    ``away``: so many questions are not answered at all."""

    refuse: tuple[int, str] | None = None
    cut: bool = False
    told: dict[str, Any] = field(default_factory=dict)
    most: int = 50_000_000
    clock_s: float = 0.0
    away: int = 0


class FakePrometheus:
    """A context manager. ``closed``: whether it takes samples at both ends of a range, as releases before 3.0 do."""

    def __init__(self, series: list[Stored], faults: Faults | None = None, *, closed: bool = False) -> None:
        self.series, self.faults, self.closed = series, faults or Faults(), closed
        self.asked: list[str] = []
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if fake.faults.away > 0:
                    fake.faults.away -= 1
                    self.close_connection = True
                    return
                asked = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
                status, answer = fake.answer(asked)
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: len(body) // 2] if fake.faults.cut else body)
                self.close_connection = True

            def log_message(self, *_: Any) -> None:
                """Nothing on the terminal of a test."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> "FakePrometheus":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, asked: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        """HTTP status and body."""
        self.asked.append(asked["query"])
        if self.faults.refuse:
            status, text = self.faults.refuse
            return status, {"status": "error", "errorType": "bad_data", "error": text}
        now_s = time.time() + self.faults.clock_s
        if asked["query"] == "time()":
            return 200, _success({"resultType": "scalar", "result": [round(now_s, 3), f"{now_s:.3f}"]}, {})
        query = _QUERY.fullmatch(asked["query"])
        if query is None:
            return 400, {"status": "error", "errorType": "bad_data", "error": "parse error: unexpected character"}
        end_ms = round(float(asked["time"]) * 1000)
        start_ms = end_ms - int(query["length"]) - int(self.closed)
        found = [
            {"metric": dict(one.labels), "values": values}
            for one in self.series
            if _matches(one.labels, query["matchers"])
            and (values := [[at / 1000, _text(value)] for at, value in one.samples if start_ms < at <= end_ms])
        ]
        if sum(len(one["values"]) for one in found) > self.faults.most:
            text = "query processing would load too many samples into memory in query execution"
            return 422, {"status": "error", "errorType": "execution", "error": text}
        return 200, _success({"resultType": "matrix", "result": found}, self.faults.told)


def _success(data: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
    return {"status": "success", "data": data} | told


def _matches(labels: Mapping[str, str], matchers: str) -> bool:
    for matcher in _MATCHER.finditer(matchers):
        value, how = labels.get(matcher["name"], ""), matcher["how"]
        same = value == matcher["value"] if how == "=" else re.fullmatch(matcher["value"], value) is not None
        if same == (how == "!~"):
            return False
    return True


def _text(value: float) -> str:
    special = {"nan": "NaN", "inf": "+Inf", "-inf": "-Inf"}
    return special.get(str(value), f"{value:.17g}")
