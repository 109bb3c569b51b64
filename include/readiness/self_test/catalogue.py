"""Every fault that the gate must catch, with what it must name; a new one is one line here.

A fault of the platform is planted into the fake one (``planted``) and goes through every real stage; a fault of the
harness or of the evidence is done to a recorded run (``alter``) and goes through check, report, sign-off and decide.
"""

from collections.abc import Callable
from dataclasses import dataclass

from readiness.self_test import alterations
from readiness.self_test.recorded import Recorded

CLEAN = "clean"
RECORDED = "short"
"""The scenario whose approved runs are recorded for the alterations."""


@dataclass(frozen=True)
class Trial:
    """One thing to try. ``names``: what a reason of the decision must match (a regular expression); empty: the
    decision must be APPROVED. ``quick``: whether the short self-test has it. ``long``: it takes minutes and little
    processor time, and so goes beside the others."""

    name: str
    title: str
    names: str
    scenario: str = RECORDED
    planted: str = "none"
    alter: Callable[[Recorded, Recorded], None] | None = None
    quick: bool = False
    long: bool = False

    @property
    def is_fault(self) -> bool:
        return bool(self.names)


_BIG, _KILL = "ten-thousand", "kill"
_LATE = r"load not proven: .*sent more than 10 ms late"

FAULTS: tuple[Trial, ...] = (
    Trial("leak", "memory leak of 2 KB an event", r"/memory-slope: ", "leak", "leaks", long=True),
    Trial("stalls", "fine on average, stalls 1 s every 30 s", r"/accept-p99: ", "half-minute", "stalls", long=True),
    Trial("lost", "loses 1 of 10,000 acknowledged events", r"/events-lost: 1 is not", _BIG, "loses-one"),
    Trial("errors", "errors 0.2 %", r"/error-rate: 0\.\d+ % is not", _BIG, "few-errors"),
    Trial("in-flight", "loses only events in flight at the kill", r"/events-lost: \d+ is not", _KILL,
          "loses-in-flight"),
    Trial("early", "acknowledges before it stores", r"/(acknowledged-early|events-lost): \d+ is not", _KILL,
          "acknowledges-first"),
    Trial("by-hand", "recovers only by hand", r"/recovery: ", _KILL, "recovers-by-hand"),
    Trial("new-connections", "1.2 s outage on new connections only", r"/interruption: .*new", "probed",
          "refuses-new-connections"),
    Trial("duplicate", "duplicates 1 alert", r"/alerts-duplicated: 1 is not", planted="duplicates-alert", quick=True),
    Trial("channel", "delivers 1 alert to the wrong channel", r"/alerts-misrouted: 1 is not",
          planted="wrong-channel"),
    Trial("remediation", "remediates twice", r"/remediated-twice: 1 is not", planted="remediates-twice"),
    Trial("outages", "ten outages of 80 ms", r"/no-errors: \d+ is not", planted="ten-outages"),
    Trial("slow", "p95 10 % above target", r"/accept-p95: [5-9]\d[.\d]* ms is not", planted="slow-tail"),
    Trial("health", "healthy endpoint lies", r"/no-errors: \d+ is not", planted="health-lies"),
    Trial("frozen", "metrics frozen", r"counters move: fake-0: no counter moved", planted="frozen-metrics"),
    Trial("nan", "metrics with NaN", r"finite values: fake-0 process_resident_memory_bytes", planted="not-a-number",
          quick=True),
    Trial("reset", "counter reset hidden", r"counters never fall: fake-0 .* fell", planted="hidden-reset", quick=True),
    Trial("clock", "the platform's clock jumps by an hour", r"at_ns in range: ", planted="clock-jumps"),
    Trial("half-audit", "audit API returns half, and says it is all",
          r"knows what was delivered: it lacks|/events-lost: \d",
          planted="half-audit"),
    Trial("broken-audit", "audit API returns half and breaks off", r"/v1/audit: ended after [1-9]\d* rows",
          planted="audit-breaks-off"),
    Trial("lost-record", "one acknowledged event was never kept", r"/events-lost: 1 is not",
          alter=alterations.one_event_lost, quick=True),
    Trial("rate", "generator reaches only 95 % of the rate", r"load not proven: \d+ of \d+ scheduled arrivals",
          alter=alterations.rate_of_95_percent, quick=True),
    Trial("stalled-generator", "generator stalls for 0.3 s", _LATE, alter=alterations.generator_stalled, quick=True),
    Trial("stalled-sampler", "observation stalls for 1.5 s", r"sampler awake: the sampler stalled",
          alter=alterations.sampler_stalled, quick=True),
    Trial("generator-clock", "the generator's clock jumps by an hour",
          r"one clock: the wall clock was set by 3600000 ms",
          alter=alterations.generator_clock_jumped, quick=True),
    Trial("read-late", "the records were read an hour after the load",
          r"read in time: the collection started 3[56]\d\d s after",
          alter=alterations.collected_an_hour_later, quick=True),
    Trial("frozen-record", "metrics of one moment in every scrape", r"counters move: fake-0: no counter moved",
          alter=alterations.metrics_of_one_moment, quick=True),
    Trial("swapped", "evidence file of an earlier run", r"load/requests.parquet: was altered",
          alter=alterations.file_of_earlier_run, quick=True),
    Trial("swapped-stage", "a whole stage of an earlier run", r"load: the seal is that of .* of run ",
          alter=alterations.stage_of_earlier_run, quick=True),
    Trial("swapped-sealed", "evidence of an earlier run, sealed anew", r"audit.parquet: one source: rows of ",
          alter=alterations.earlier_file_sealed_anew, quick=True),
    Trial("truncated", "evidence truncated", r"load/requests.parquet: was altered",
          alter=alterations.file_truncated, quick=True),
    Trial("cut", "rows cut off, sealed anew",
          r"audit.parquet: read to the end: \d+ rows are stored, \d+ were announced",
          alter=alterations.rows_cut_and_sealed_anew, quick=True),
    Trial("removed", "evidence missing", r"observe/health.parquet: is missing",
          alter=alterations.file_removed, quick=True),
)  # fmt: skip
"""In the order in which they are tried: what takes longest first."""
SOUND: tuple[Trial, ...] = (
    Trial("clean-leak", "five minutes, no fault", "", "leak", long=True),
    Trial("clean-kill", "killed, and recovers as it must", "", _KILL),
    Trial("clean-probed", "probed, no fault", "", "probed"),
    Trial("clean-many", "10,000 events, no fault", "", _BIG),
)
"""The longer scenarios without a fault."""


def clean_trials(count: int) -> tuple[Trial, ...]:
    """So many runs without any fault: each must be APPROVED. The longer scenarios are among them."""
    short = (Trial(f"clean-{number}", "no fault", "", CLEAN, quick=True) for number in range(1, count + 1))
    return (*SOUND, *short)[:count] if count > len(SOUND) else tuple(short)
