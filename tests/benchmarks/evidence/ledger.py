"""The ledger of 3,600,000 events - an hour at 60,000/min - in a process of its own: from the columns of the stored data
sets that it needs to its Parquet file.

As a program (``ledger.py FOLDER``) it is that process and prints its figures as JSON.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from target import at_most

EVENTS, SHORT_EVENTS = 3_600_000, 200_000
TARGETS = {"ledger s": at_most(60), "ledger peak MB": at_most(2_048)}


def measure(short: bool) -> dict[str, float]:
    """Wall and processor seconds and peak resident MB of the whole process, imports included. Nothing may be wrong in
    the ledger, and every event must be in it."""
    from evidence.synthetic_run import write_ledger_sets

    events = SHORT_EVENTS if short else EVENTS
    with tempfile.TemporaryDirectory() as folder:
        write_ledger_sets(Path(folder), events, rate_per_s=1_000)
        started_s = time.perf_counter()
        done = subprocess.run([sys.executable, __file__, folder], check=True, stdout=subprocess.PIPE)
        took_s = time.perf_counter() - started_s
    found: dict[str, float] = json.loads(done.stdout)
    if (found.pop("events"), found.pop("discrepancies")) != (events, 0):
        raise RuntimeError("the ledger is not that of the evidence")
    return {"ledger s": took_s} | found


def _process(folder: Path) -> dict[str, float]:
    import resource

    from readiness.analysis.ledger import ledger
    from readiness.clients.tables import read_columns, write_pieces
    from readiness.model.dataset import LEDGER, PhaseClock, ScenarioEvidence
    from readiness.model.document import from_json

    requests = read_columns(
        folder / "requests.parquet", ["event_id", "intended_ns", "done_ns", "status", "error"], few=["error"]
    )
    actions = ["received", "assessed", "incident_opened", "incident_escalated", "remediated"]
    audit = read_columns(
        folder / "audit.parquet", ["event_id", "at_ns", "action", "due"], [("action", "in", actions)],
        few=["action", "due"],
    )  # fmt: skip
    deliveries = read_columns(folder / "deliveries.parquet", ["event_id", "channel"], few=["channel"])
    facts = [json.loads((folder / name).read_text()) for name in ("generator.json", "collect.json")]
    clock = from_json(PhaseClock, (folder / "phases.json").read_bytes())
    none = requests.iloc[:0]
    found = ledger(ScenarioEvidence("s", requests, none, none, audit, deliveries, clock, facts[0], {}, facts[1]))
    summary = found.summary()
    rows = write_pieces(found.pieces(), folder / "ledger.parquet", LEDGER)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "events": rows, "discrepancies": len(summary.sets), "ledger CPU s": usage.ru_utime + usage.ru_stime,
        "ledger peak MB": usage.ru_maxrss / 1024,
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(_process(Path(sys.argv[1]))))
