"""Locust's entry: one user replays the whole open-loop schedule of the plan named by READINESS_LOAD_PLAN.

Locust starts, stops and signals; the schedule is ours, because a closed loop of users hides stalls of the target.
Started by run_plan.py, which checks the plan first.
"""

import gc
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import gevent
from arrivals import schedule
from connections import Connections
from load_plan import LoadPlan, read_plan
from locust import User, task
from locust.exception import StopUser
from open_loop import OpenLoop
from request_log import RequestLog
from run_clock import RunClock
from run_facts import cpu_s, phases, publish, recent_latency_ms, send_lag_ms, traffic_facts, versions
from suricata_traffic import Traffic, read_recording

_LEAD_NS = 200_000_000  # between the ready generator and its first phase
_PROGRESS_EVERY_S = 0.5


class Replay:
    """One run: prepares everything, then sends. Files are written into the plan's out_dir."""

    def __init__(self, plan: LoadPlan) -> None:
        self.plan = plan
        self.recordings = [read_recording(path) for path in plan.traffic]
        self.schedule = schedule(plan.arrivals, plan.rate_per_s, plan.warmup_s, plan.measure_s, plan.seed)
        self.clock = RunClock()
        self.connections = Connections(plan.target, plan.request_timeout_s, self.clock.now_ns, warm=8)
        self.log = RequestLog(plan.out_dir / "requests.csv")
        traffic = Traffic(self.recordings, plan.source, plan.seed, self.schedule.count)
        self.loop = OpenLoop(plan, self.schedule, traffic, self.connections, self.log, self.clock)
        # Nobody would stop a load whose starter was killed. The starter may say who it is, in case it is gone already.
        self._parent = int(os.environ.get("READINESS_STARTER") or os.getppid())
        self._started_s, self._cpu_before_s = time.monotonic(), cpu_s()

    def send(self) -> None:
        """Send the schedule; whatever ends it, the records and the closing facts are written."""
        if os.getppid() != self._parent:
            raise RuntimeError("the process that started it has gone")
        self.connections.open_warm()
        start_ns = self.clock.now_ns() + _LEAD_NS
        publish(self.plan.out_dir / "phases.json", phases(self.schedule, start_ns, self.clock.anchor_wall_ns))
        # What was made until now stays: a collection that walks it would hold up the schedule for milliseconds.
        gc.collect()
        gc.freeze()
        reporter = gevent.spawn(self._report)
        try:
            self.loop.run(start_ns)
        finally:
            self.loop.end()
            reporter.join()
            self.log.close()
            self.connections.close()
            publish(self.plan.out_dir / "generator.json", self._facts())

    @property
    def finished(self) -> bool:
        """Whether every scheduled arrival was handled."""
        return self.loop.failure is None and self.loop.tally.handled == self.schedule.count

    def _report(self) -> None:
        """Flush the records and publish progress twice a second, until the loop has ended; a disk that refuses ends
        the run. Files are written by a thread: the journal of a busy disk can hold a write for tens of ms."""
        sent_before, before_s = 0, time.monotonic()
        thread = gevent.get_hub().threadpool
        try:
            while not self.loop.wait(_PROGRESS_EVERY_S):
                if os.getppid() != self._parent:
                    self.loop.end(RuntimeError("the process that started it has gone"))
                    return
                self.log.flush(lambda write, data: _in_thread(thread, write, data))
                now_s, sent = time.monotonic(), self.loop.tally.sent
                if self.plan.progress_file is not None:
                    progress = self._progress((sent - sent_before) / (now_s - before_s))
                    _in_thread(thread, publish, self.plan.progress_file, progress)
                sent_before, before_s = sent, now_s
        except OSError as error:
            self.loop.end(error)

    def _progress(self, rate_per_s: float) -> dict[str, Any]:
        tally = self.loop.tally
        p50_ms, p95_ms = recent_latency_ms(tally.latest, self.clock.now_ns())
        return {
            "phase": self.loop.phase_now(),
            "elapsed_s": max(0.0, (self.clock.now_ns() - self.loop.start_ns) / 1e9),
            "planned_s": self.schedule.total_ns / 1e9,
            "sent": tally.sent,
            "answered": tally.answered,
            "errors": tally.errors,
            "rate_per_s": rate_per_s,
            "latency_p50_ms": p50_ms,
            "latency_p95_ms": p95_ms,
        }

    def _facts(self) -> dict[str, Any]:
        tally, used_s = self.loop.tally, cpu_s() - self._cpu_before_s
        return {
            "schema": 1,
            "finished": self.finished,
            "arrivals_scheduled": self.schedule.count,
            "arrivals_sent": tally.sent,
            "answered": tally.answered,
            "cpu_s": used_s,
            "cpu_s_per_1000_requests": used_s / tally.sent * 1000 if tally.sent else None,
            "wall_s": time.monotonic() - self._started_s,
            "wall_clock_drift_ns": self.clock.drift_ns(),
            "send_lag_ms": send_lag_ms(self.loop.send_lag_ns),
            "nice": os.getpriority(os.PRIO_PROCESS, 0),
            "versions": versions(),
            "seed": self.plan.seed,
            "traffic": traffic_facts(self.recordings),
        }


def _in_thread(thread: Any, work: Callable[..., None], *arguments: Any) -> None:
    """Do it in a thread of gevent's. An error comes back as a value and is raised here: gevent prints what a thread
    raises, which on a full disk fails in its hub and stops everything."""
    if (error := thread.apply(_outcome, (work, arguments))) is not None:
        raise error


def _outcome(work: Callable[..., None], arguments: tuple[Any, ...]) -> OSError | None:
    try:
        work(*arguments)
    except OSError as error:
        return error
    return None


def _tell(failure: BaseException) -> None:
    """Say why the load ended early. Where files cannot be written any more the process ends at once: Locust's own
    ending writes, too, and hangs when it cannot."""
    with suppress(OSError):  # on a full disk even the reason may have no place
        print(f"the load ended early: {failure}", file=sys.stderr, flush=True)
    if isinstance(failure, OSError):
        os._exit(1)


class Sensor(User):
    """The one user that Locust runs: a sensor that sends every alert of the schedule at its time."""

    @task
    def replay(self) -> None:
        """The whole run, then the end of Locust with the exit code that run_plan.py documents."""
        runner = self.environment.runner
        self.environment.process_exit_code = 1  # until the run has shown otherwise
        try:
            run = Replay(read_plan(Path(os.environ["READINESS_LOAD_PLAN"])))
        except (OSError, ValueError, RuntimeError) as error:
            gevent.spawn(runner.quit)
            print(f"the load could not start: {error}", file=sys.stderr)
            raise StopUser from error
        try:
            run.send()
        except OSError as error:
            run.loop.failure = run.loop.failure or error
        finally:
            self.environment.process_exit_code = 0 if run.finished else 1
            gevent.spawn(runner.quit)
            if run.loop.failure is not None:
                _tell(run.loop.failure)
        raise StopUser  # else Locust would start the task again before it quits
