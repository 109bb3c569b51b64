"""``python replay_bodies.py PLAN.json < SAMPLE.json``: the bodies of some arrivals of a load, to be sent once more.

SAMPLE.json: ``{"source": S, "arrivals": [[seq, intended_ns] ...]}``. First line out: ``{"traffic": [...]}`` as in
generator.json. Then a line for each arrival, in the order asked: ``{"seq", "event_id", "signature_id"}`` as they were
sent, and ``{"replayed_event_id", "body"}``: the same event under a fresh id and the source S.

Exit 2, each problem a line: the plan, the recordings or the sample cannot be used.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from load_plan import LoadPlan, PlanError, read_plan
from run_facts import traffic_facts
from suricata_traffic import Traffic, TrafficError, event_ids, read_recording

USAGE = "usage: replay_bodies.py PLAN.json < SAMPLE.json"


def lines(plan: LoadPlan, sample: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What is printed. Raises TrafficError for a recording, KeyError and ValueError for a sample of another form."""
    recordings = [read_recording(path) for path in plan.traffic]
    yield {"traffic": traffic_facts(recordings)}
    arrivals = [(int(seq), int(intended_ns)) for seq, intended_ns in sample["arrivals"]]
    # What an arrival draws does not depend on how many come after it.
    traffic = Traffic(recordings, sample["source"], plan.seed, max((seq for seq, _ in arrivals), default=-1) + 1)
    sent_as = event_ids(plan.source, plan.seed)
    for seq, intended_ns in arrivals:
        fresh = traffic.event_id(seq)
        body = traffic.body(seq, fresh, intended_ns).decode("ascii")
        known = {"seq": seq, "event_id": sent_as(seq), "signature_id": traffic.signature_id(seq)}
        yield known | {"replayed_event_id": fresh, "body": body}


def main(arguments: list[str]) -> int:
    """Print the lines."""
    if len(arguments) != 1:
        print(USAGE, file=sys.stderr)
        return 2
    try:
        for line in lines(read_plan(Path(arguments[0]).resolve()), json.load(sys.stdin)):
            print(json.dumps(line))
    except PlanError as error:
        print("\n".join(error.problems), file=sys.stderr)
    except TrafficError as error:
        print(error, file=sys.stderr)
    except (KeyError, TypeError, ValueError) as error:
        print(f"the sample is not as documented: {error!r}", file=sys.stderr)
    else:
        return 0
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
