"""``python -m instruments PLAN OUTCOME``: one sending. Prints a line of JSON when it begins; SIGTERM ends it early."""

import asyncio
import ctypes
import gc
import json
import resource
import signal
import sys
import time
from pathlib import Path

import numpy as np
import uvloop

from instruments.outcome import Outcome
from instruments.plan import SendPlan, read_plan
from instruments.requests_ahead import RequestMaker, event_ids, recordings
from instruments.schedule import offsets_ns
from instruments.sender import Sender

_WARM_S = 20.0
_HEAD_START_NS = 200_000_000
_PARENT_DEATH_SIGNAL = 1


async def send(plan: SendPlan) -> Outcome:
    """Carry out a plan."""
    ids = event_ids(plan)
    maker = RequestMaker(plan, ids, recordings())
    due_ns = offsets_ns(plan)
    sender = Sender(plan, maker, due_ns.tolist())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, sender.stop)
    await sender.pool.warm(_WARM_S)
    gc.collect()
    gc.freeze()
    gc.disable()  # a collection in the middle would be a lag of its own; nothing here makes cycles
    start_ns = time.time_ns() + _HEAD_START_NS
    due_ns += start_ns
    sender.start_at(start_ns)
    print(json.dumps({"start_ns": start_ns, "requests": plan.requests}), flush=True)
    before_s = _cpu_s()
    await sender.run()
    outcome = _outcome(plan, sender, ids, due_ns, _cpu_s() - before_s)
    sender.pool.close()
    return outcome


def _outcome(plan: SendPlan, sender: Sender, ids: np.ndarray, due_ns: np.ndarray, cpu_s: float) -> Outcome:
    count = sender.began
    pool = sender.pool
    facts = {
        "cpu_s": cpu_s, "cpu_us_per_request": cpu_s / max(1, count) * 1e6, "ended_ns": time.time_ns(),
        "sent_bytes": sender.sent_bytes, "received_bytes": pool.received_bytes, "connections_opened": pool.opened_ever,
        "connections_most": pool.most_open, "counts": dict(sender.counts),
    }  # fmt: skip
    arrays = {
        "intended_ns": due_ns[:count], "sent_ns": np.frombuffer(sender.sent_ns, np.int64)[:count],
        "done_ns": np.frombuffer(sender.done_ns, np.int64)[:count],
        "status": np.frombuffer(sender.status, np.uint16)[:count],
        "first_status": np.frombuffer(sender.first_status, np.uint16)[:count],
        "attempts": np.frombuffer(sender.attempts, np.uint16)[:count],
    }  # fmt: skip
    return Outcome(ids=ids[: count * plan.events_per_request], facts=facts, **arrays)


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Read the plan, send, write the outcome."""
    # Never outlive who started this: there is nobody else to stop it.
    ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    plan = read_plan(Path(sys.argv[1]))
    uvloop.run(send(plan)).write(Path(sys.argv[2]))


if __name__ == "__main__":
    main()
