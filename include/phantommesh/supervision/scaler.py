"""Scales the replicas of automation on one machine: ``python -m phantommesh.supervision.scaler STATE``.

The rule is Kubernetes' own (``scaling.rule``). Use is the CPU time that a replica's process took since the decision
before, in per cent of the declared request. A decision is written down before it is carried out, so that `status` shows
a replica as soon as it is wanted and no longer once it drains; each turn mends what differs from it.
"""

import http.client
import logging
import signal
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from xmlrpc.client import Fault

import psutil

from phantommesh.config.load import from_json
from phantommesh.logs.begin import begin_logging
from phantommesh.scaling.rule import History, Pod, next_replicas, not_yet_ready, recommend
from phantommesh.scaling.settings import Scaling
from phantommesh.supervision import remote
from phantommesh.supervision.ports import HOST
from phantommesh.supervision.processes import find
from phantommesh.supervision.settings import SCALED_GROUP
from phantommesh.supervision.state import ProcessId, Run, Scale, State

_log = logging.getLogger("phantommesh.scaler")
_ANSWER_S = 1.0
_AT_WORK = ("STARTING", "RUNNING", "BACKOFF")


@dataclass(slots=True)
class _Seen:
    """What was last seen of a process: its CPU time, when, and since which age its readiness is what it is."""

    process: ProcessId
    cpu_s: float
    at_s: float
    ready: bool = False
    changed_at_age_s: float = 0.0


@dataclass(slots=True)
class Scaler:
    """Decides every ``sync_s``; ``replicas`` is what it decided last."""

    state: State
    run: Run
    scaling: Scaling
    replicas: int
    _history: History = field(default_factory=History)
    _seen: dict[str, _Seen] = field(default_factory=dict)

    def turn(self) -> None:
        """Measure, decide, and have started or stopped what differs from the decision."""
        now_s = time.monotonic()
        self.scaling = self.state.read_scaling() or self.scaling  # `phantommesh scale` may have changed it
        children = self.state.read_children()
        pods = [self._pod(index, children, now_s) for index in range(self.replicas)]
        found = recommend(pods, self.scaling)
        wanted, self._history = next_replicas(self.replicas, found.replicas, now_s, self.scaling, self._history)
        use = None if found.ratio is None else round(found.ratio * self.scaling.target_percent, 1)
        if wanted != self.replicas:
            _log.info("scales", extra={"from": self.replicas, "to": wanted, "use_percent": use})
        self.replicas = wanted
        self.state.write_scale(Scale(wanted, time.time(), use))
        self._mend()

    def _pod(self, index: int, children: dict[str, ProcessId], now_s: float) -> Pod:
        name = f"automation-{index}"
        known = children.get(name)
        process = None if known is None else find(known)
        if known is None or process is None:
            self._seen.pop(name, None)
            return Pod(None)
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            return Pod(None)
        age_s, before = max(0.0, time.time() - known.started_s), self._seen.get(name)
        now = _Seen(known, times.user + times.system, now_s, _ready(self.run.admin_ports[index]))
        self._seen[name] = now
        if before is None or before.process != known:
            now.changed_at_age_s = age_s if now.ready else 0.0
            return Pod(None, not_yet_ready=not now.ready)
        now.changed_at_age_s = before.changed_at_age_s if now.ready is before.ready else age_s
        over_s = now_s - before.at_s
        starts = not_yet_ready(
            ready=now.ready, age_s=age_s, changed_at_age_s=now.changed_at_age_s, measured_over_s=over_s,
            scaling=self.scaling,
        )  # fmt: skip
        return Pod((now.cpu_s - before.cpu_s) / over_s / self.scaling.request_cores * 100, starts)

    def _mend(self) -> None:
        at_work = {info["name"] for info in remote.supervised(self.state) if info["statename"] in _AT_WORK}
        for index in range(self.run.always, len(self.run.admin_ports)):
            name, wanted = f"automation-{index}", index < self.replicas
            if wanted is (name in at_work):
                continue
            try:
                (remote.start if wanted else remote.stop)(self.run, f"{SCALED_GROUP}:{name}")
            except (OSError, Fault) as error:
                # The supervisor is busy with it or going down; what is still not as decided is mended next time.
                _log.warning("cannot scale now", extra={"replica": name, "reason": str(error)})


def _ready(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=_ANSWER_S)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def main(arguments: list[str]) -> int:
    """Scale until SIGTERM."""
    state = State(Path(arguments[0]))
    run, scaling = state.read_run(), state.read_scaling()
    if run is None or scaling is None:
        print(f"{state.folder}: no run with scaled replicas is recorded", file=sys.stderr)
        return 1
    begin_logging(from_json(state.config.read_bytes()).logging, "scaler-0")
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: ended.set())
    last = state.read_scale()
    scaler = Scaler(state, run, scaling, run.always if last is None else last.replicas)
    scaler.turn()
    while not ended.wait(scaling.sync_s):
        scaler.turn()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
