"""All figures of one scenario, in the order in which they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from readiness.model.trend import Trends
from readiness.report.figures.canvas import Figure, no_data
from readiness.report.figures.latency import latency_figure, percentile_figure, targets
from readiness.report.figures.load import rate_figure
from readiness.report.figures.readiness import readiness_figure
from readiness.report.figures.resources import cpu_figure, memory_figure, queue_figure
from readiness.report.figures.scale_out import scale_out_figure, scales
from readiness.report.figures.series import Latencies, accept_latencies, end_to_end_latencies
from readiness.report.figures.slopes import slope_figure, target_of
from readiness.report.figures.timeline import Timeline, timeline

if TYPE_CHECKING:
    from readiness.model.dataset import ScenarioEvidence
    from readiness.model.result import LoadProof
    from readiness.model.scenario import Scenario

_KEPT = {"collect/audit.parquet", "collect/deliveries.parquet"}
_ACCEPT, _END_TO_END = "accept", "end to end"
_NO_TRENDS = Trends()
_NOTHING = Latencies(np.empty(0), np.empty(0), np.empty(0, dtype=bool))


def draw_all(
    evidence: ScenarioEvidence, scenario: Scenario | None, proof: LoadProof | None, trends: Trends = _NO_TRENDS
) -> tuple[Figure, ...]:
    """The figures of a scenario; one that has no data says so in its place. Scaling out and trends are shown where
    there is something to say of them."""
    axis = timeline(evidence, scenario)
    if axis is None:
        return (no_data(f"{evidence.scenario}-all", "Figures", "the load published no phase"),)
    name = evidence.scenario
    goals = {_ACCEPT: targets(scenario, "accept_latency"), _END_TO_END: targets(scenario, "end_to_end_latency")}
    requests = evidence.requests
    accept = accept_latencies(requests, axis) if len(requests) else _NOTHING
    end_to_end = _end_to_end(evidence, axis)
    return (
        latency_figure(f"{name}-accept", "Accept latency", accept, goals[_ACCEPT], axis),
        latency_figure(f"{name}-end-to-end", "End-to-end latency", end_to_end, goals[_END_TO_END], axis),
        percentile_figure(f"{name}-percentiles", {_ACCEPT: accept.judged_ms, _END_TO_END: end_to_end.judged_ms}, goals),
        rate_figure(f"{name}-rate", requests, proof, axis),
        cpu_figure(f"{name}-cpu", evidence.metrics, axis),
        memory_figure(f"{name}-memory", evidence.metrics, axis),
        queue_figure(f"{name}-queue", evidence.metrics, axis),
        readiness_figure(f"{name}-readiness", evidence.health, axis),
        *([scale_out_figure(f"{name}-scale-out", evidence, axis)] if scales(evidence, scenario) else []),
        *_slopes(name, trends, scenario),
    )


def _slopes(name: str, trends: Trends, scenario: Scenario | None) -> tuple[Figure, ...]:
    """Only of scenarios that judge a slope."""
    memory = slope_figure(f"{name}-memory-trend", "memory", trends.memory, scenario)
    cpu = slope_figure(f"{name}-cpu-trend", "cpu", trends.cpu, scenario)
    judged = ((memory, "memory_slope"), (cpu, "cpu_slope"))
    return tuple(figure for figure, metric in judged if target_of(scenario, metric) is not None)


def _end_to_end(evidence: ScenarioEvidence, axis: Timeline) -> Latencies:
    if not len(evidence.requests) or not len(evidence.audit) or _KEPT & set(evidence.missing):
        return _NOTHING  # deliveries that are not there did not fail to arrive
    clock = evidence.collect.get("clock") or {}
    offset_ns = int(clock.get("offset_ns") or 0)
    return end_to_end_latencies(evidence.requests, evidence.audit, evidence.deliveries, axis, offset_ns)
