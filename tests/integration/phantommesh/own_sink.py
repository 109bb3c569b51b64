"""A sink that a test starts and stops as it likes."""

import json
import signal
import smtplib
import subprocess
import sys
from pathlib import Path
from typing import Any

from phantommesh.config.load import PRODUCTION, load, to_json
from phantommesh.supervision import ports
from phantommesh.supervision.state import Run, State

from .conftest import call, until


class Sink:
    """A sink of one's own."""

    def __init__(self, folder: Path) -> None:
        reserved = [ports.reserve(0) for _ in range(2)]
        http, smtp = map(ports.number, reserved)
        self.run = Run(str(folder), str(folder), False, False, 0, http, smtp, (), 0, ())
        self.state = State(folder)
        self.state.sink_record.parent.mkdir(parents=True)
        self.state.write_run(self.run)
        self.state.config.write_bytes(to_json(load(PRODUCTION, {})))
        self.process: subprocess.Popen[bytes] | None = None
        self._reserved = reserved

    def start(self) -> None:
        self.process = subprocess.Popen([sys.executable, "-m", "phantommesh.sink", str(self.state.folder)])
        until(self._answers)

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, "the sink ended"
        try:
            with smtplib.SMTP("127.0.0.1", self.run.sink_smtp_port, timeout=5) as server:
                greeted = server.noop()[0] == 250
            return greeted and call(f"{self.run.sink_url}/healthz").status == 200
        except OSError:
            return False

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(10)
            self.process = None

    def close(self) -> None:
        self.stop(signal.SIGKILL)
        for item in self._reserved:
            item.close()

    def deliveries(self, source: str) -> list[dict[str, Any]]:
        *rows, last = map(json.loads, call(f"{self.run.sink_url}/deliveries?source={source}").body.splitlines())
        assert last == {"end": True, "count": len(rows)}
        return rows
