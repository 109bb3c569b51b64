"""Recorded alerts, drawn again with fresh ids and times, as the load generator draws them."""

from pathlib import Path

from suricata_traffic import Traffic, read_recording

FOLDER = Path(__file__).resolve().parents[1] / "scenarios/traffic/suricata"
START_NS = 1_764_000_000_000_000_000  # a whole hour
MINUTE_NS = 60_000_000_000


def drawn_alerts(count: int, seed: int = 1, step_ns: int = MINUTE_NS, start_ns: int = START_NS) -> list[bytes]:
    """JSON bodies, observed one every ``step_ns``."""
    recordings = [read_recording(path) for path in sorted(FOLDER.glob("*.json"))]
    traffic = Traffic(recordings, "training", seed, count)
    return [traffic.body(seq, traffic.event_id(seq), start_ns + seq * step_ns) for seq in range(count)]
