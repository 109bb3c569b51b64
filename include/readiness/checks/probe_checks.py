"""Checks of the probes' samples: rows that can be, and a probing that was what it should have been."""

from collections.abc import Iterable

from readiness.checks.completeness import LARGEST_CLOCK_STEP_MS, Expected
from readiness.checks.expectation import between, holds, not_null, one_of, rows_at_least, unique
from readiness.checks.suites import EARLY_NS, SLACK_NS, S, Suite
from readiness.model.dataset import ScenarioEvidence
from readiness.model.metric import PROBES
from readiness.model.probe_path import CONNECTIONS, WRITES, probed_paths
from readiness.model.result import DataCheck
from readiness.model.verdict import Verdict

LEAST_RATE_HZ = 100.0
"""Fewer probes than this on a path know an interruption no better than to 20 ms and more."""
_FACTS = "probe/probe.json"


def probes_suite(evidence: ScenarioEvidence, _: tuple[str, ...]) -> Suite:
    """probe/samples.parquet: one row for each probe, in the order of sending."""
    assert evidence.probes is not None
    assert evidence.probe is not None
    rows = evidence.probes
    ended, answered = rows["done_ns"].notna(), rows["status"] != 0
    writes = rows["path"].isin(WRITES)
    frame = rows.assign(
        send_lag_ns=rows["sent_ns"] - rows["intended_ns"],
        took_ns=(rows["done_ns"] - rows["sent_ns"]).astype("Float64").astype("float64"),
        sent_in_order=rows.sort_values("seq")["sent_ns"].diff().fillna(0) >= 0,
        failure_has_its_reason=(answered == (rows["error"] == "")) & (ended | (rows["error"] == "under way")),
        event_of_writes_only=writes == (rows["event_id"] != ""),
        own_event=rows["event_id"].where(writes, rows["seq"].astype("str")),
    )
    first_ns, last_ns = int(evidence.probe["started_ns"]) - SLACK_NS, int(evidence.probe["finished_ns"]) + SLACK_NS
    rules = (
        rows_at_least(1),
        *(not_null(name) for name in ("path", "connection", "error", "event_id")),
        unique("seq"),
        unique("own_event"),
        one_of("path", list(dict.fromkeys(path for path, _ in probed_paths(ingress=evidence.ingress)))),
        one_of("connection", list(CONNECTIONS)),
        one_of("status", [0, *range(100, 600)], "0 (no answer) or an HTTP status, 100 to 599"),
        *(between(name, first_ns, last_ns, "within the probing") for name in ("intended_ns", "sent_ns", "done_ns")),
        between("send_lag_ns", -EARLY_NS, None, "sent no earlier than intended"),
        between("took_ns", 0, None, "ended no earlier than sent"),
        holds("sent_in_order", "probes are numbered in the order of their sending"),
        holds("failure_has_its_reason", "a status, or the reason why there is none"),
        holds("event_of_writes_only", "an event for each write probe and for no other"),
    )
    return Suite(PROBES, frame, rules)


def probing_complete(evidence: ScenarioEvidence, _: Expected) -> Iterable[DataCheck]:
    """Every path was probed in the whole measured phase, at the rate, by one clock. Nothing where nobody probed."""
    if evidence.probes is None or evidence.probe is None:
        return
    phase, facts = evidence.clock.phase("measure"), evidence.probe
    rows = evidence.probes
    inside = rows[(rows["intended_ns"] >= phase.start_ns) & (rows["intended_ns"] < phase.end_ns)]
    counts = {str(k): int(n) for k, n in (inside["path"] + " " + inside["connection"]).value_counts().items()}
    paths = probed_paths(ingress=evidence.ingress)
    missing = [f"{path} {kind}" for path, kind in paths if f"{path} {kind}" not in counts]
    words = "read and write, over new and reused connections" + (
        ", by the Service and through the ingress" if evidence.ingress else ""
    )
    yield _check(PROBES, "every path probed", words, missing, f"all {len(paths)}")
    rates = {name: n / ((phase.end_ns - phase.start_ns) / S) for name, n in sorted(counts.items())}
    slow = [f"{name} {rate:.1f} Hz" for name, rate in rates.items() if not rate >= LEAST_RATE_HZ]
    least = min(rates.values(), default=0.0)
    words = f"at least {LEAST_RATE_HZ:g} Hz on each path"
    yield _check(PROBES, "rate reached", words, slow, f"{least:.1f} Hz on the slowest")
    wrong = []
    if not facts["started_ns"] <= phase.start_ns:
        wrong.append("the probing started after the measured phase")
    if not facts["finished_ns"] >= phase.end_ns:
        wrong.append("the probing ended before the measured phase")
    drift_ms = float(facts["wall_clock_drift_ns"]) / 1e6
    if not abs(drift_ms) <= LARGEST_CLOCK_STEP_MS:
        wrong.append(f"the wall clock was set by {drift_ms:.0f} ms")
    words = f"the whole measured phase, and a wall clock set by at most {LARGEST_CLOCK_STEP_MS:g} ms"
    yield _check(_FACTS, "probed throughout", words, wrong, f"set by {drift_ms:.3f} ms")


def _check(dataset: str, check: str, expected: str, wrong: list[str], good: str) -> DataCheck:
    verdict = Verdict.FAIL if wrong else Verdict.PASS
    return DataCheck(dataset, check, verdict, expected, "; ".join(wrong) if wrong else good)
