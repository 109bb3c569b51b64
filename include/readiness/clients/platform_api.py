"""The target's HTTP interface as docs/platform-api.md has it: audit trail, deliveries, health, metrics."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx

_TIMEOUT_S = 10.0
_STREAM_TIMEOUT_S = 60.0
"""Before the first row of one source a busy target may have to read past all others'."""
# What is measured is on this machine or in the test network: a proxy of the user's shell is not on the way there.
_PROXIES = False


class ApiError(Exception):
    """The target did not answer as its contract says; one line for people."""


class IncompleteError(ApiError):
    """A stream ended without its end line, or with another count than it declared."""


@dataclass(frozen=True)
class Sample:
    """One value of /metrics. ``labels``: name="value" pairs, sorted, comma-separated."""

    metric: str
    labels: str
    value: float


@dataclass(frozen=True)
class Scrape:
    """What one replica answered. ``error``: empty when /metrics was read."""

    answered: bool
    ready: bool
    took_ms: float
    error: str
    samples: tuple[Sample, ...]


def stream(url: str, source: str) -> Iterator[dict[str, Any]]:
    """The rows of an NDJSON answer for one source. Raises IncompleteError after the rows that did come if the end
    line is missing or counts otherwise; ApiError if there is no answer at all."""
    count = 0
    try:
        with httpx.stream(
            "GET", url, params={"source": source}, timeout=_STREAM_TIMEOUT_S, trust_env=_PROXIES
        ) as answer:
            if answer.status_code != 200:
                raise ApiError(f"GET {url}: HTTP {answer.status_code}")
            for line in answer.iter_lines():
                row = json.loads(line)
                if row.get("end") is True:
                    if row["count"] != count:
                        raise IncompleteError(f"GET {url}: {count} rows came, {row['count']} were declared")
                    return
                count += 1
                yield row
    except (httpx.HTTPError, ValueError) as error:
        raise IncompleteError(f"GET {url}: broke off after {count} rows ({type(error).__name__}: {error})") from error
    raise IncompleteError(f"GET {url}: ended after {count} rows without its end line")


class Sender:
    """Posts events one after the other over a connection that is kept; a context manager."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._url = url
        self._http = httpx.Client(timeout=timeout_s, trust_env=_PROXIES, headers={"Content-Type": "application/json"})

    def __enter__(self) -> "Sender":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def send(self, body: bytes) -> int:
        """HTTP status of the answer; 0 if none came."""
        try:
            return self._http.post(self._url, content=body).status_code
        except httpx.HTTPError:
            return 0


def get_status(url: str, timeout_s: float = _TIMEOUT_S) -> int:
    """HTTP status of a GET; 0 if nothing answered."""
    try:
        return httpx.get(url, timeout=timeout_s, trust_env=_PROXIES).status_code
    except httpx.HTTPError:
        return 0


def read_metric(admin_url: str, metric: str) -> float:
    """The value of a metric without labels. Raises ApiError if the replica does not answer or does not have it."""
    with httpx.Client(timeout=_TIMEOUT_S, trust_env=_PROXIES) as http:
        return _metric_of(http, admin_url, metric)


class AdminReader:
    """Asks admin ports again and again without the cost of beginning anew. ``timeout_s``: for each answer."""

    def __init__(self, timeout_s: float) -> None:
        # No connection is kept: the next answer must come from the process that is there then.
        self._http = httpx.Client(
            timeout=timeout_s, trust_env=_PROXIES, limits=httpx.Limits(max_keepalive_connections=0)
        )

    def ready(self, admin_url: str) -> int:
        """HTTP status of /readyz; 0 if nothing answered."""
        try:
            return self._http.get(f"{admin_url}/readyz").status_code
        except httpx.HTTPError:
            return 0

    def metric(self, admin_url: str, metric: str) -> float:
        """As ``read_metric``."""
        return _metric_of(self._http, admin_url, metric)


def _metric_of(http: httpx.Client, admin_url: str, metric: str) -> float:
    try:
        answer = http.get(f"{admin_url}/metrics").raise_for_status()
    except httpx.HTTPError as error:
        raise ApiError(f"{admin_url}/metrics: no answer ({type(error).__name__})") from error
    for sample in parse_metrics(answer.text):
        if sample.metric == metric:
            return sample.value
    raise ApiError(f"{admin_url}/metrics: has no {metric}")


def parse_metrics(text: str) -> tuple[Sample, ...]:
    """Samples of the Prometheus text format, without the interpreter's own (python_*) and the creation times.
    Raises ValueError for what is no such text."""
    from prometheus_client.parser import text_string_to_metric_families

    found: list[Sample] = []
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if not sample.name.startswith("python_") and not sample.name.endswith("_created"):
                labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
                found.append(Sample(sample.name, labels, float(sample.value)))
    return tuple(found)


class Scraper:
    """Reads health and metrics of replicas; an async context manager. ``timeout_s``: for each answer."""

    def __init__(self, timeout_s: float) -> None:
        self._http = httpx.AsyncClient(timeout=timeout_s, trust_env=_PROXIES)

    async def __aenter__(self) -> "Scraper":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def metrics(self, admin_url: str) -> Scrape:
        """/readyz and /metrics of one replica; one that dies between the two answers is not ready."""
        ready, took_ms, error = await self._get(f"{admin_url}/readyz")
        answer, more_ms, error = await self._get(f"{admin_url}/metrics")
        is_ready = ready is not None and ready.status_code == 200
        if answer is None or answer.status_code != 200:
            reason = error or f"HTTP {answer.status_code if answer else 0}"
            return Scrape(False, False, took_ms + more_ms, reason, ())
        try:
            return Scrape(True, is_ready, took_ms + more_ms, "", parse_metrics(answer.text))
        except (ValueError, LookupError, TypeError) as problem:  # what the parser raises for text that is no metrics
            return Scrape(False, False, took_ms + more_ms, f"not metrics: {problem}", ())

    async def ready(self, admin_url: str) -> Scrape:
        """/readyz of one replica whose metrics somebody else reads."""
        answer, took_ms, error = await self._get(f"{admin_url}/readyz")
        code = answer.status_code if answer else 0
        reason = error or ("" if code == 200 else f"HTTP {code}")
        return Scrape(code in (200, 503), code == 200, took_ms, reason, ())

    async def health(self, admin_url: str) -> Scrape:
        """/healthz of a component without metrics."""
        answer, took_ms, error = await self._get(f"{admin_url}/healthz")
        healthy = answer is not None and answer.status_code == 200
        reason = error or ("" if healthy else f"HTTP {answer.status_code if answer else 0}")
        return Scrape(healthy, healthy, took_ms, reason, ())

    async def _get(self, url: str) -> tuple[httpx.Response | None, float, str]:
        started = time.perf_counter()
        try:
            answer = await self._http.get(url)
        except httpx.HTTPError as error:
            return None, (time.perf_counter() - started) * 1e3, type(error).__name__
        return answer, (time.perf_counter() - started) * 1e3, ""
