"""Prometheus over its HTTP API: the raw samples of a time, each with the time at which it was scraped.

A range selector in an instant query gives samples as they were stored; /api/v1/query_range would evaluate at steps and
give the last value before each, so that a gap of less than its look-back (5 min) would not be seen at all.
"""

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

_ANSWER_S = 30.0
_PAGE_MS = 120_000
"""13 replicas of 50 series each, scraped once a second, are 80,000 samples in such a page, 2 MB as JSON."""
_SHORTEST_PAGE_MS = 1_000
_TOO_MUCH = "too many samples"
_PROXIES = False  # as for the platform: what is measured is in the same cluster
_MS = 1_000_000
_LONGEST_WORD = 300


class PrometheusError(Exception):
    """It did not give a whole answer; one line for people. ``passing``: it may if it is asked again."""

    def __init__(self, text: str, *, passing: bool) -> None:
        super().__init__(text)
        self.passing = passing


class _TooMuchError(PrometheusError):
    """The page holds more samples than one query may load."""


@dataclass(frozen=True)
class Series:
    """Samples of one series in the order of time. ``times_ms``: epoch, by the clock of Prometheus."""

    labels: Mapping[str, str]
    times_ms: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class ClockReading:
    """``offset_ns``: the clock of Prometheus minus ours; ``uncertainty_ns``: by how much the difference may be another,
    half of the time that the answer took and the millisecond that the API tells time in."""

    offset_ns: int
    uncertainty_ns: int


class Prometheus:
    """One Prometheus; a context manager. ``url``: scheme, host and port."""

    def __init__(self, url: str, timeout_s: float = _ANSWER_S) -> None:
        self._url = f"{url}/api/v1/query"
        self._http = httpx.Client(timeout=timeout_s, trust_env=_PROXIES)

    def __enter__(self) -> "Prometheus":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def clock(self) -> ClockReading:
        """What its clock says now. Raises PrometheusError."""
        sent_ns = time.time_ns()
        data = self._ask({"query": "time()"})
        back_ns = time.time_ns()
        try:
            theirs_ns = round(float(data["result"][1]) * 1e9)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise self._not_as_documented(error) from error
        return ClockReading(theirs_ns - (sent_ns + back_ns) // 2, (back_ns - sent_ns) // 2 + _MS)

    def raw(self, selector: str, start_ns: int, end_ns: int) -> Iterator[tuple[Series, ...]]:
        """Every stored sample of the selector later than ``start_ns`` and not after ``end_ns``, page by page in the
        order of time. A page that is more than one query may load is halved. Raises PrometheusError, also when the
        answer is not whole or comes with a warning."""
        # Times are stored in whole ms: the latest that is not after the end, the latest that is not after the start.
        at_ms, end_ms, page_ms = start_ns // _MS, end_ns // _MS, _PAGE_MS
        while at_ms < end_ms:
            until_ms = min(at_ms + page_ms, end_ms)
            try:
                page = self._page(selector, at_ms, until_ms)
            except _TooMuchError:
                if page_ms <= _SHORTEST_PAGE_MS:
                    raise
                page_ms = max(_SHORTEST_PAGE_MS, page_ms // 2)
                continue
            yield page
            at_ms = until_ms

    def _page(self, selector: str, after_ms: int, until_ms: int) -> tuple[Series, ...]:
        asked = {"query": f"{selector}[{until_ms - after_ms}ms]", "time": f"{until_ms / 1000:.3f}"}
        data = self._ask(asked)
        try:
            if data["resultType"] != "matrix":
                raise ValueError(f"a {data['resultType']} in place of a matrix")
            return tuple(_series(item, after_ms, until_ms) for item in data["result"])
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
            raise self._not_as_documented(error) from error

    def _ask(self, parameters: dict[str, str]) -> dict[str, Any]:
        """The data of an answer that is whole."""
        try:
            answer = self._http.get(self._url, params=parameters)
        except httpx.HTTPError as error:
            said = f"no whole answer ({type(error).__name__}{f': {error}' if str(error) else ''})"
            raise PrometheusError(f"GET {self._url}: {said}", passing=True) from error
        try:
            body = answer.json()
        except ValueError as error:
            said = f"HTTP {answer.status_code}, and no JSON ({error})"
            raise PrometheusError(f"GET {self._url}: {said[:_LONGEST_WORD]}", passing=True) from error
        if not isinstance(body, dict) or body.get("status") != "success" or answer.status_code != 200:
            raise self._refused(answer.status_code, body)
        told = [str(word) for key in ("warnings", "infos") for word in body.get(key) or ()]
        if told:
            said = f"the answer may not be whole, it says: {'; '.join(told)}"
            raise PrometheusError(f"GET {self._url}: {said[:_LONGEST_WORD]}", passing=False)
        data = body.get("data")
        if not isinstance(data, dict):
            raise self._not_as_documented(ValueError("no data"))
        return data

    def _refused(self, status: int, body: Any) -> PrometheusError:
        said = str(body.get("error") if isinstance(body, dict) else body)[:_LONGEST_WORD]
        text = f"GET {self._url}: HTTP {status}: {said}"
        if _TOO_MUCH in said:
            return _TooMuchError(text, passing=False)
        return PrometheusError(text, passing=status >= 500 or status == 429)

    def _not_as_documented(self, error: Exception) -> PrometheusError:
        return PrometheusError(f"GET {self._url}: the answer is not as documented ({error!r})", passing=False)


def _series(item: dict[str, Any], after_ms: int, until_ms: int) -> Series:
    """The samples of a series in (after, until]: releases before 3.0 add one that lies on the beginning."""
    if item.get("histograms"):
        raise ValueError(f"{item['metric'].get('__name__')} is a native histogram")
    samples = [(_ms(at_s), float(value)) for at_s, value in item["values"]]
    inside = [(at_ms, value) for at_ms, value in samples if after_ms < at_ms <= until_ms]
    labels = {str(name): str(value) for name, value in item["metric"].items()}
    return Series(labels, tuple(at_ms for at_ms, _ in inside), tuple(value for _, value in inside))


def _ms(at_s: float) -> int:
    if not math.isfinite(at_s):
        raise ValueError(f"{at_s} is no time")
    return round(at_s * 1000)
