"""Benchmark of the generator: send lag and CPU at 25,000 events/min against a cheap server on this machine.

Run from the repository's root: ``.venv/bin/python tests/benchmarks/generator_lag.py``. Prints the facts as JSON.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
SERVER = """
import asyncio
async def serve(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\\r\\n\\r\\n")
            await reader.readexactly(int(head.lower().split(b"content-length:")[1].split(b"\\r\\n")[0]))
            writer.write(b"HTTP/1.1 202 Accepted\\r\\nContent-Length: 2\\r\\n\\r\\n{}")
    except asyncio.IncompleteReadError:
        writer.close()
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.wait_for(server.serve_forever(), 180)
asyncio.run(main())
"""


def main(rate_per_min: int = 25_000, measure_s: float = 60) -> dict[str, object]:
    """The generator's own facts (send lag in ms, CPU s per 1,000 requests) of one bounded run on loopback."""
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            plan = {
                "schema": 1,
                "run_id": "benchmark",
                "scenario": "lag",
                "source": "benchmark/lag",
                "url": f"http://127.0.0.1:{int(server.stdout.readline())}/v1/events",
                "arrivals": "poisson",
                "rate_per_s": rate_per_min / 60,
                "warmup_s": 5,
                "measure_s": measure_s,
                "seed": 1,
                "traffic": [str(path) for path in sorted((ROOT / "scenarios/traffic/suricata").glob("*.json"))],
                "request_timeout_s": 5,
                "out_dir": folder,
                "progress_file": None,
            }
            (Path(folder) / "plan.json").write_text(json.dumps(plan))
            command = [sys.executable, str(ROOT / "scenarios/locust/run_plan.py"), f"{folder}/plan.json"]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=measure_s + 60)
            facts: dict[str, object] = json.loads((Path(folder) / "generator.json").read_text())
            return facts
        finally:
            server.kill()
            server.wait()


if __name__ == "__main__":
    print(json.dumps(main(), indent=2))
