"""A prober run in this process against a fake, and its samples as evidence for the analysis."""

import asyncio
import gc
import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
from readiness.clients.ingress import WayIn
from readiness.clients.priority import raise_priority
from readiness.clients.probes.prober import Prober
from readiness.model.dataset import PROBES, Phase, PhaseClock, ScenarioEvidence
from synthetic_evidence import steady_evidence

RATE_HZ, TIMEOUT_S = 110.0, 0.5
_EMPTY = steady_evidence(rate_per_s=1, warmup_s=1, measure_s=5)


def probe_while(
    url: str, act: Callable[[], None], before_s: float = 0.5, after_s: float = 0.7, through: WayIn | None = None
) -> ScenarioEvidence:
    """Probe ``url``, and the same ``through`` an ingress, from ``before_s`` before ``act`` begins until ``after_s``
    after it ended; ``act`` runs in a thread of its own. The measured phase of the evidence is the whole time of the
    probing."""
    prober = Prober(url, "run-1/steady/probe", RATE_HZ, TIMEOUT_S, through=through)
    started_ns = prober.clock.now_ns()

    async def probing() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()

        def acting() -> None:
            time.sleep(before_s)
            try:
                act()
            finally:
                time.sleep(after_s)
                loop.call_soon_threadsafe(stop.set)

        thread = threading.Thread(target=acting)
        thread.start()
        await prober.run(stop)
        thread.join()

    nice = os.getpriority(os.PRIO_PROCESS, 0)
    raise_priority()
    gc.collect()
    gc.disable()
    try:
        asyncio.run(probing())
    finally:
        gc.enable()
        os.setpriority(os.PRIO_PROCESS, 0, nice)
    rows = list(prober.samples.rows())
    probes = pd.DataFrame(rows, columns=list(PROBES)).astype(PROBES)
    found = as_evidence(probes, started_ns, prober.clock.now_ns())
    return replace(found, ingress=through is not None)


def as_evidence(probes: pd.DataFrame, started_ns: int, finished_ns: int) -> ScenarioEvidence:
    """Evidence whose measured phase begins when every path had its first probes and ends with the last but few."""
    first_ns = int(probes["sent_ns"].iloc[:16].max()) + 50_000_000
    last_ns = int(np.sort(probes["sent_ns"].to_numpy())[-16])
    clock = PhaseClock(1, started_ns, (Phase("measure", first_ns, last_ns),), {"measure": 1})
    facts = {"rate_hz": RATE_HZ, "timeout_s": TIMEOUT_S, "started_ns": started_ns, "finished_ns": finished_ns,
             "worst_lag_ms": float((probes["sent_ns"] - probes["intended_ns"]).max()) / 1e6,
             "wall_clock_drift_ns": 0}  # fmt: skip
    return replace(_EMPTY, clock=clock, probes=probes, probe=facts)
