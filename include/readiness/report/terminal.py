"""A run on the terminal: live progress while it goes, the decision when it is done."""

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from readiness.model.result import ObjectiveResult, RunDecision, ScenarioResult
from readiness.model.verdict import Decision

if TYPE_CHECKING:
    from rich.live import Live


_DONE_SHOWN = 4


def decision_text(decision: RunDecision) -> str:
    """The decision with each objective's value against its target, as plain lines."""
    lines = [f"{decision.decision}  {decision.run_id}  ({_scope(decision)})"]
    lines += [f"  because: {reason}" for reason in decision.reasons]
    lines += [f"  note: {warning}" for warning in decision.warnings]
    for scenario in decision.scenarios:
        lines += _scenario_lines(scenario, decision.by_scenario.get(scenario.scenario))
    if decision.sign_off is not None and decision.sign_off.answer != "not required":
        signed = decision.sign_off
        lines.append(f"signed: {signed.answer} by {signed.by or 'nobody'} at {signed.answered_at or 'no time'}")
    lines += [f"image of {component}: {', '.join(digests)}" for component, digests in decision.images.items()]
    lines.append(f"evidence {decision.evidence_digest}")
    return "\n".join(lines)


def _scope(decision: RunDecision) -> str:
    if decision.scope == "drill":
        return "a drill: gates nothing"
    return "can gate a release" if decision.scope == "release" else "a smoke run: can gate a merge, never a release"


def _scenario_lines(scenario: ScenarioResult, decision: Decision | None) -> list[str]:
    trust = "" if scenario.trusted else "  EVIDENCE NOT TRUSTED"
    lines = [f"{scenario.scenario}: {f'{decision}, ' if decision else ''}{scenario.verdict}{trust}"]
    proof = scenario.load_proof
    if proof is not None:
        word = "proven" if proof.valid else "NOT PROVEN"
        lines.append(f"  load {word}: {proof.sent:,} of {proof.scheduled:,} sent, "
                     f"{proof.achieved_per_s * 60:,.0f}/min of {proof.asked_per_s * 60:,.0f}/min")  # fmt: skip
    lines += _table([_cells(objective) for objective in scenario.objectives])
    passed = sum(check.verdict == "PASS" for check in scenario.data_checks)
    lines.append(f"  data checks: {passed} of {len(scenario.data_checks)} passed")
    return lines


def _cells(objective: ObjectiveResult) -> tuple[str, ...]:
    return (str(objective.verdict), objective.name, objective.shown, f"must be {objective.must}",
            objective.measurement.note)  # fmt: skip


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    if not rows:
        return []
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def progress_text(stage: str, scenario: str | None, seconds: float, load: dict[str, Any] | None) -> str:
    """One line: the stage, how long it has taken and, while a load runs, its rate and latency so far."""
    line = f"{stage}{f' {scenario}' if scenario else ''}  {seconds:.0f} s"
    if load is None:
        return line
    p50, p95 = load["latency_p50_ms"], load["latency_p95_ms"]
    latency = "no answers yet" if p50 is None else f"p50 {p50:.1f} ms  p95 {p95:.1f} ms"
    return (
        f"{line}  {load['phase']} {load['elapsed_s']:.0f}/{load['planned_s']:.0f} s  "
        f"{load['rate_per_s'] * 60:,.0f}/min  {load['sent']:,} sent  {load['errors']:,} errors  {latency}"
    )


class Where(Protocol):
    """What is shown: readiness.clients.progress.Progress fits."""

    @property
    def stage(self) -> str: ...
    @property
    def scenario(self) -> str | None: ...
    @property
    def stage_started_ns(self) -> int: ...
    @property
    def done(self) -> tuple[str, ...]: ...
    @property
    def load(self) -> dict[str, Any] | None: ...


class LiveProgress:
    """Shows where a run is; ``read`` says where that is, None before the first stage; ``scenarios``: all of the run, so
    that one of several is shown as such.

    On a terminal one line that changes, otherwise one plain line for each stage, on standard error. A context manager;
    call ``update`` as often as you like."""

    def __init__(self, read: Callable[[], Where | None], scenarios: tuple[str, ...] = ()) -> None:
        self._read, self._scenarios = read, scenarios
        self._live: Live | None = None
        self._said = ""

    def __enter__(self) -> "LiveProgress":
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.live import Live

            self._live = Live(console=Console(stderr=True), refresh_per_second=4, transient=True)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def update(self) -> None:
        """Read the run's progress and show it."""
        now = self._read()
        if now is None:
            return
        if self._live is not None:
            text = progress_text(now.stage, now.scenario, (time.time_ns() - now.stage_started_ns) / 1e9, now.load)
            done = ("...", *now.done[-_DONE_SHOWN:]) if len(now.done) > _DONE_SHOWN else now.done
            self._live.update(
                f"{self._number(now.scenario)}{' > '.join(done)}{' > ' if done else ''}[bold]{text}[/bold]"
            )
            return
        heading = f"{now.stage} {now.scenario}" if now.scenario else now.stage
        if heading != self._said:
            self._said = heading
            print(f"stage {heading}{self._number(now.scenario, ' (', ')')}", file=sys.stderr, flush=True)

    def _number(self, scenario: str | None, before: str = "", after: str = "  ") -> str:
        """ "2 of 6" for one of several scenarios, else empty."""
        if scenario not in self._scenarios or len(self._scenarios) < 2:
            return ""
        return f"{before}{self._scenarios.index(scenario) + 1} of {len(self._scenarios)}{after}"
