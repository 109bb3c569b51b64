"""The load plan: what a run of the generator is asked to do, checked before anything is sent.

Every problem is reported at once, in words for people. Load goes to this machine only (loopback), to the benchmarking
network 198.18.0.0/15 (RFC 2544), or to a private address that the plan allows by itself, as that of a service of a
cluster: a load generator aimed elsewhere by mistake is an attack.
"""

import ipaddress
import json
import math
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from arrivals import PROCESSES

SCHEMA = 1
MAX_RATE_PER_S = 10_000
MAX_TOTAL_S = 4 * 3600
MAX_ARRIVALS = 10_000_000
MAX_TIMEOUT_S = 300
MAX_SOURCE_CHARACTERS = 200
MAX_SEED = 2**63 - 1
BENCHMARK_NETWORK = ipaddress.ip_network("198.18.0.0/15")
SHARED_NETWORK = ipaddress.ip_network("100.64.0.0/10")  # RFC 6598: private, too; some clusters use it
_ALSO = "also_allowed"
PRINTABLE = "a non-empty string of printable characters"


class PlanError(ValueError):
    """The plan cannot be run. problems: one line each, naming the key, the value and the legal values."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests go: the checked address that is connected to, and the names that the request carries."""

    address: str
    port: int
    host_header: str
    path: str


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """A checked plan. Times are seconds, paths are absolute."""

    run_id: str
    scenario: str
    source: str
    target: Target
    arrivals: str
    rate_per_s: float
    warmup_s: float
    measure_s: float
    seed: int
    traffic: tuple[Path, ...]
    request_timeout_s: float
    out_dir: Path
    progress_file: Path | None


def read_plan(path: Path) -> LoadPlan:
    """Read and check a plan file. Raises PlanError with every problem found."""
    try:
        raw = json.loads(path.read_bytes())
    except OSError as error:
        raise PlanError([f"{path}: cannot be read ({error.strerror})"]) from error
    except (ValueError, RecursionError) as error:
        raise PlanError([f"{path}: not JSON ({error})"]) from error
    return parse_plan(raw)


def parse_plan(raw: object) -> LoadPlan:
    """Check a plan as read from JSON. Raises PlanError with every problem found."""
    if not isinstance(raw, dict):
        raise PlanError(["the plan must be a JSON object"])
    legal = (*_CHECKS, _ALSO)
    problems = [f"{key}: unknown key; legal keys are {', '.join(legal)}" for key in raw if key not in legal]
    values: dict[str, Any] = {}
    also = _also_allowed(raw.get(_ALSO, []), problems)
    for key, check in _CHECKS.items():
        if key not in raw:
            problems.append(f"{key}: missing")
            continue
        try:
            values[key] = _target(raw[key], also) if key == "url" else check(raw[key])
        except ValueError as problem:
            problems.append(f"{key}: {_shown(raw[key])} {problem}")
    problems += _problems_together(values)
    if problems:
        raise PlanError(problems)
    return LoadPlan(target=values.pop("url"), **{k: v for k, v in values.items() if k != "schema"})


def _problems_together(values: Mapping[str, Any]) -> list[str]:
    """What is wrong only in combination; a value that is wrong by itself takes no part."""
    problems = []
    total_s = values.get("warmup_s", 0) + values.get("measure_s", 0)
    if total_s > MAX_TOTAL_S:
        problems.append(f"warmup_s + measure_s: {total_s:g} s are more than the {MAX_TOTAL_S} s allowed")
    arrivals = values.get("rate_per_s", 0) * total_s
    if arrivals > MAX_ARRIVALS:
        problems.append(
            f"rate_per_s x (warmup_s + measure_s): {arrivals:.0f} arrivals are more than the {MAX_ARRIVALS} allowed"
        )
    out_dir = values.get("out_dir")
    if out_dir is not None and not out_dir.is_dir():
        problems.append(f"out_dir: {out_dir} is not a folder; create it before the run")
    if out_dir is not None and (out_dir / "requests.csv").exists():
        problems.append(f"out_dir: {out_dir} holds a requests.csv already; each run needs a folder of its own")
    return problems


def _shown(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 120 else text[:117] + "..."


def _schema(value: object) -> int:
    if type(value) is not int or value != SCHEMA:
        raise ValueError(f"must be {SCHEMA}, the version that this generator reads")
    return SCHEMA


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise ValueError(f"must be {PRINTABLE}")
    return value


def _source(value: object) -> str:
    if len(_text(value)) > MAX_SOURCE_CHARACTERS:
        raise ValueError(f"must have at most {MAX_SOURCE_CHARACTERS} characters")
    return str(value)


def _number(low: float, high: float, *, low_is_legal: bool) -> Callable[[object], float]:
    sign = ">=" if low_is_legal else ">"

    def check(value: object) -> float:
        legal = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not legal or not (low < float(value) <= high or (low_is_legal and value == low)):  # type: ignore[arg-type]
            raise ValueError(f"must be a number {sign} {low:g} and <= {high:g}")
        return float(value)  # type: ignore[arg-type]  # `legal` above says it is a number

    return check


def _seed(value: object) -> int:
    if type(value) is not int or not 0 <= value <= MAX_SEED:
        raise ValueError(f"must be an integer from 0 to {MAX_SEED}")
    return value


def _process(value: object) -> str:
    if not isinstance(value, str) or value not in PROCESSES:
        raise ValueError(f"must be one of {', '.join(PROCESSES)}")
    return value


def _absolute(value: object) -> Path:
    if not isinstance(value, str) or "\0" in value or not Path(value).is_absolute():
        raise ValueError("must be an absolute path")
    return Path(value)


def _absolute_or_null(value: object) -> Path | None:
    return None if value is None else _absolute(value)


def _traffic(value: object) -> tuple[Path, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError("must be a list of at least one absolute path")
    paths = tuple(_absolute(item) for item in value)
    missing = [str(path) for path in paths if not path.is_file()]
    if missing:
        raise ValueError(f"names what is no file: {', '.join(missing)}")
    if len(set(paths)) != len(paths):
        raise ValueError("names a file twice; that would change the mix")
    return paths


def _also_allowed(value: object, problems: list[str]) -> frozenset[Any]:
    """The addresses that the plan allows; none of them where one is not legal."""
    try:
        found = frozenset(ipaddress.ip_address(str(item)) for item in value) if isinstance(value, list) else None
    except ValueError:
        found = None
    if found is None or not all(item.is_private or item in SHARED_NETWORK for item in found):
        problems.append(f"{_ALSO}: {_shown(value)} must be a list of private addresses such as 10.96.0.10")
        return frozenset()
    return found


def _target(value: object, also: frozenset[Any] = frozenset()) -> Target:
    parts, port = _split(_text(value))
    host = parts.hostname or ""
    addresses = _resolve(host, port)
    for address in addresses:
        if not (address.is_loopback or address in BENCHMARK_NETWORK or address in also):
            raise ValueError(f"resolves to {address}; load may go only to loopback addresses or {BENCHMARK_NETWORK}")
    # Of several (localhost is often 127.0.0.1 and ::1) IPv4 first: it is what servers here listen on.
    chosen = min(addresses, key=lambda address: address.version)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(str(chosen), port, parts.netloc, path)


def _split(url: str) -> tuple[Any, int]:
    parts = urlsplit(url)
    port = parts.port or 80  # raises ValueError for a port out of range, in words that fit here
    if parts.scheme != "http" or not parts.hostname or parts.username or parts.password or parts.fragment:
        raise ValueError("must look like http://127.0.0.1:8080/v1/events")
    if not url.isascii() or any(character.isspace() for character in url):
        raise ValueError("must be ASCII without spaces")
    return parts, port


def _resolve(host: str, port: int) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ValueError(f"cannot be resolved ({error})") from error
    return [ipaddress.ip_address(str(item[4][0]).partition("%")[0]) for item in found]


_CHECKS: dict[str, Callable[[object], Any]] = {
    "schema": _schema,
    "run_id": _text,
    "scenario": _text,
    "source": _source,
    "url": _target,
    "arrivals": _process,
    "rate_per_s": _number(0, MAX_RATE_PER_S, low_is_legal=False),
    "warmup_s": _number(0, MAX_TOTAL_S, low_is_legal=True),
    "measure_s": _number(0, MAX_TOTAL_S, low_is_legal=False),
    "seed": _seed,
    "traffic": _traffic,
    "request_timeout_s": _number(0, MAX_TIMEOUT_S, low_is_legal=False),
    "out_dir": _absolute,
    "progress_file": _absolute_or_null,
}
