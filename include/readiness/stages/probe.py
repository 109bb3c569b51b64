"""Probe: small requests at a high, fixed rate on every path, from before the load until the target has recovered."""

import asyncio
import gc
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

from readiness.clients.address import AddressError
from readiness.clients.ingress import IngressError
from readiness.clients.priority import raise_priority
from readiness.clients.probes.prober import Prober
from readiness.clients.tables import TableWriter
from readiness.model.dataset import PROBES
from readiness.model.evidence import RUN_SCOPE, StageRef
from readiness.model.scenario import Scenario
from readiness.stages.recording import Recording, recording
from readiness.stages.run import Run, StageError

RATE_HZ = 110.0
"""Of each path. A tenth above the least, so that what is left out after a moment of sleep costs no evidence."""
LONGEST_TIMEOUT_S = 0.5
QUIET_S = 3.0
"""The target has recovered when no probe failed for this long."""
_LOOK_S = 0.1


def probe(run: Run, name: str, phases: Path) -> None:
    """Probe until the load that publishes ``phases`` is over and the target has recovered, at the latest until its
    drain is over, or until SIGTERM."""
    scenario = run.plan.scenario(name)
    profile = scenario.profiles[run.plan.profile]
    inputs = (StageRef(RUN_SCOPE, "plan"), StageRef(RUN_SCOPE, "deploy"))
    with recording(run, StageRef(name, "probe"), inputs, show=False) as record:
        timeout_s = timeout_of(scenario)
        prober = _prober(run, name, timeout_s)
        nice, started_ns = raise_priority(), prober.clock.now_ns()
        longest_s = profile.warmup + profile.measure + profile.drain + scenario.load.request_timeout + 60
        gc.collect()
        gc.disable()  # what a probe leaves behind is freed by its last reference; a collection would be a stall
        try:
            asyncio.run(_run(prober, _Until(phases, profile.drain), longest_s))
        finally:
            gc.enable()
            finished_ns = prober.clock.now_ns()
            with TableWriter(record.folder / "samples.parquet", PROBES) as table:
                table.extend(prober.samples.rows())
            record.rows["samples.parquet"] = table.count
            times = {"started_ns": started_ns, "finished_ns": finished_ns}
            _write_facts(record, prober, times | {"timeout_s": timeout_s, "nice": nice})


def _prober(run: Run, name: str, timeout_s: float) -> Prober:
    try:
        return Prober(
            run.status()["base_url"],
            probe_source(run, name),
            RATE_HZ,
            timeout_s,
            also=run.measured_addresses(),
            through=run.way_in(),
        )
    except (AddressError, IngressError) as error:
        raise StageError(f"the target cannot be probed: {error}") from error


def probe_source(run: Run, name: str) -> str:
    """The source of the events that write probes send."""
    return f"{run.source(name)}/probe"


def timeout_of(scenario: Scenario) -> float:
    """Half of the shortest bound that the scenario sets on an interruption, so that a probe which hangs has failed well
    before it; at most LONGEST_TIMEOUT_S, which also serves where there is no such bound."""
    bounds = [item.must.value for item in scenario.objectives if item.metric == "interruption" and item.must.value > 0]
    return min([LONGEST_TIMEOUT_S, *(bound / 2 for bound in bounds)])


def _write_facts(record: Recording, prober: Prober, facts: dict[str, Any]) -> None:
    clock = prober.clock
    record.write("probe.json", facts | {
        "schema": 1, "rate_hz": RATE_HZ, "anchor_wall_ns": clock.anchor_wall_ns,
        "anchor_monotonic_ns": clock.anchor_monotonic_ns, "wall_clock_drift_ns": clock.drift_ns(),
        "worst_lag_ms": prober.samples.worst_lag_ns / 1e6, "connections_replaced": prober.replaced,
        "paths": prober.samples.counts(),
    })  # fmt: skip


class _Until:
    """When to stop: the load's last phase has ended and no probe has failed for QUIET_S, or the drain is over."""

    def __init__(self, phases: Path, drain_s: float) -> None:
        self._phases, self._drain_ns = phases, round(drain_s * 1e9)
        self._end_ns: int | None = None

    def reached(self, now_ns: int, last_failure_ns: int) -> bool:
        if self._end_ns is None and self._phases.is_file():
            self._end_ns = max(phase["end_ns"] for phase in json.loads(self._phases.read_text())["phases"])
        if self._end_ns is None or now_ns < self._end_ns:
            return False
        quiet_since_ns = max(self._end_ns, last_failure_ns)
        return now_ns >= quiet_since_ns + round(QUIET_S * 1e9) or now_ns > self._end_ns + self._drain_ns


async def _run(prober: Prober, until: _Until, longest_s: float) -> None:
    """Probe until ``until`` says so, ``longest_s`` have passed, SIGTERM or SIGINT came, or the process that started
    this one is gone."""
    stop, parent = asyncio.Event(), int(os.environ.get("READINESS_STARTER") or os.getppid())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    ends_s = time.monotonic() + longest_s
    probing = asyncio.create_task(prober.run(stop))
    while not stop.is_set():
        await asyncio.wait({probing}, timeout=_LOOK_S)
        over = until.reached(prober.clock.now_ns(), prober.samples.last_failure_ns)
        if over or probing.done() or time.monotonic() > ends_s or os.getppid() != parent:
            stop.set()
    await probing
