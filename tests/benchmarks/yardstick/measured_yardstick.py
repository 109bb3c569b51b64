"""The same load on the yardstick, and the most that it sustains."""

from dataclasses import replace

from instruments.ledger import NEVER, Ledger
from instruments.outcome import Outcome, percentiles_ms
from instruments.plan import SendPlan
from instruments.running import until
from instruments.sending import send

from yardstick.running_yardstick import RunningYardstick, running_yardstick

STEADY_PER_S, STEADY_FULL_S, STEADY_SHORT_S = 25_000 / 60, 60.0, 15.0
LEAST_PER_S, STEP, PROBE_S, MOST_PER_S = 30.0, 1.4, 8.0, 4_000.0
SUSTAINED_P95_MS = 50.0
WARM_S = 4.0
# So long that overload shows as latency: a request given up here would still cost the service its whole work.
ANSWER_S = 120.0
SETTLE_S = 60.0


def measure_steady(short: bool) -> dict[str, float]:
    """Latency and CPU at 25,000 a minute."""
    with running_yardstick() as service:
        plan = SendPlan(service.events_url, "y", STEADY_PER_S, STEADY_SHORT_S if short else STEADY_FULL_S, seed=9,
                        connections=48, answer_timeout_s=ANSWER_S)  # fmt: skip
        send(replace(plan, source="y/warm", duration_s=WARM_S, rate_per_s=LEAST_PER_S), service.folder)
        before = service.look()
        outcome = send(plan, service.folder)
        ledger, missing = _settled(service, outcome, plan.source)
        usage = service.look().since(before)
    accepted = max(1, int(outcome.acknowledged.sum()))
    found = {f"accept p{q} ms": x for q, x in zip((50, 95, 99), outcome.latency_ms(50, 95, 99), strict=True)}
    found |= {f"end to end p{q} ms": x for q, x in zip((50, 95, 99), _delivered_ms(ledger, outcome), strict=True)}
    found |= {f"CPU ms an event: {group}": used / accepted * 1e3 for group, used in usage.cpu_s.items()}
    return found | {
        "CPU ms an event, all processes": usage.total_cpu_s / accepted * 1e3,
        "events not acknowledged": float(len(outcome.ids) - outcome.acknowledged.sum()),
        "deliveries never made": float(missing),
        "send lag p99 ms": outcome.lag_ms(99),
    }


def measure_most(short: bool) -> dict[str, float]:
    """The highest of a series of rates, each STEP times the last, at which every event is accepted within 50 ms (p95);
    then one step of halving in between."""
    with running_yardstick() as service:
        send(SendPlan(service.events_url, "y/warm", LEAST_PER_S, WARM_S, seed=9), service.folder)
        best, rate, failed = (0.0, float("nan")), LEAST_PER_S, 0.0
        while rate <= MOST_PER_S and not failed:
            held, cpu_ms = _holds(service, rate, short)
            if held:
                best, rate = (rate, cpu_ms), rate * STEP
            else:
                failed = rate
        if failed and best[0]:
            middle = (failed + best[0]) / 2
            held, cpu_ms = _holds(service, middle, short)
            best = (middle, cpu_ms) if held else best
    return {"sustained events/min": best[0] * 60, "CPU ms an event, all processes": best[1]}


def _holds(service: RunningYardstick, rate_per_s: float, short: bool) -> tuple[bool, float]:
    source = f"y/{rate_per_s:.0f}"
    plan = SendPlan(
        service.events_url, source, rate_per_s, PROBE_S / 2 if short else PROBE_S, seed=9, answer_timeout_s=ANSWER_S
    )
    before = service.look()
    outcome = send(plan, service.folder)
    _, missing = _settled(service, outcome, source)
    cpu_s = service.look().since(before).total_cpu_s
    whole = bool(outcome.accepted.all()) and not missing and outcome.latency_ms(95)[0] < SUSTAINED_P95_MS
    return whole, cpu_s / len(outcome.ids) * 1e3


def _settled(service: RunningYardstick, outcome: Outcome, source: str) -> tuple[Ledger, int]:
    """Wait for the background tasks; what they delivered, and how many deliveries were never made."""
    try:
        until(lambda: service.undelivered() == 0, SETTLE_S, "deliveries are missing")
        missing = 0
    except TimeoutError:
        missing = service.undelivered()
    ledger = Ledger(outcome)
    ledger.read_deliveries(service.platform.sink_url, source)
    return ledger, missing


def _delivered_ms(ledger: Ledger, outcome: Outcome) -> list[float]:
    some = (ledger.delivered_ns < NEVER).any(axis=1)
    return percentiles_ms((ledger.last_delivery_ns - outcome.events_intended_ns)[some], (50, 95, 99))
