"""What is expected of the probes follows the environment of the sealed plan, down to the decision."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from cluster_environment import cluster_environment
from ingress_parts import ingress_at
from readiness.analysis.decision import decide_evidence
from readiness.clients.home import Home
from readiness.clients.tables import TableWriter
from readiness.model.dataset import ScenarioEvidence, columns_of, data_sets_of, frame_of
from readiness.model.document import to_json
from readiness.model.evidence import RUN_SCOPE, StageRef
from readiness.model.kubernetes_environment import KubernetesEnvironment
from readiness.model.probe_path import INGRESS_PATHS
from readiness.model.result import RunDecision
from readiness.model.run import RunPlan
from readiness.model.scenario import Profile
from readiness.model.verdict import Decision
from readiness.stages.check import examine
from readiness.stages.evidence_reader import what_there_is
from readiness.stages.run import Run
from synthetic_evidence import steady_evidence
from synthetic_probes import with_probes
from unit.report import report_examples as examples

NAME = "failover"
EVIDENCE = with_probes(steady_evidence(scenario=NAME, rate_per_s=5000 / 60, measure_s=20), ingress=True)


def environment(folder: Path, *, ingress: bool) -> KubernetesEnvironment:
    folder.mkdir()
    made = cluster_environment(folder)
    components = {target["component"] for target in EVIDENCE.observe["targets"]}
    update = {"ingress": ingress_at("https://127.0.0.1:8443", None) if ingress else None}
    return made.model_copy(update={
        "components": {name: item for name, item in made.components.items() if name in components},
        "cluster": made.cluster.model_copy(update=update),
    })  # fmt: skip


def seal(run: Run, ref: StageRef, facts: Mapping[str, Any], frames: Mapping[str, pd.DataFrame] | None = None) -> None:
    opened, rows = run.archive.open_stage(run.run_id, ref), {}
    for name, value in facts.items():
        (opened.folder / name).write_bytes(to_json(value))
    for dataset, frame in (frames or {}).items():
        name = dataset.split("/")[1]
        with TableWriter(opened.folder / name, columns_of(dataset)) as table:
            table.extend(
                tuple(None if value is pd.NA else value for value in row) for row in frame.itertuples(index=False)
            )
        rows[name] = table.count
    run.archive.seal(opened, outcome="done", reason="", inputs=[], rows=rows, fingerprint={})


def sealed(folder: Path, evidence: ScenarioEvidence, *, ingress: bool) -> Run:
    """A run of one objective, the interruption."""
    clock = evidence.clock
    lengths = {phase.name: (phase.end_ns - phase.start_ns) / 1e9 for phase in clock.phases}
    scenario = examples.example_plan(NAME).scenarios[0]
    profile = Profile.model_construct(warmup=lengths["warmup"], measure=lengths["measure"], drain=60.0)
    asked = tuple(item for item in scenario.objectives if item.metric == "interruption")
    scenario = scenario.model_copy(
        update={"drill": None, "objectives": asked, "profiles": {"full": profile, "smoke": profile}}
    )
    plan: RunPlan = replace(
        examples.example_plan(NAME),
        environment=environment(folder, ingress=ingress),
        scenarios=(scenario,),
        run_id="run-1",
    )
    run = Run(Home(folder), "run-1")
    seal(run, StageRef(RUN_SCOPE, "plan"), {"run.json": plan})
    seal(run, StageRef(RUN_SCOPE, "deploy"), {"deploy.json": {}})
    seal(run, StageRef(RUN_SCOPE, "verify"), {"verify.json": {}})
    facts: dict[str, dict[str, Any]] = {
        "load": {"plan.json": {}, "phases.json": clock, "generator.json": evidence.generator},
        "observe": {"observe.json": evidence.observe}, "probe": {"probe.json": evidence.probe},
        "collect": {"collect.json": evidence.collect},
    }  # fmt: skip
    for stage, documents in facts.items():
        frames = {name: frame_of(evidence, name) for name in data_sets_of(evidence) if name.startswith(f"{stage}/")}
        seal(run, StageRef(NAME, stage), documents, frames)
    return run


def decided(run: Run) -> RunDecision:
    return decide_evidence(run.plan, (examine(run, NAME),), (), "d" * 64)


def test_a_run_that_was_probed_through_its_ingress_is_decided(tmp_path: Path) -> None:
    run = sealed(tmp_path / "a", replace(EVIDENCE, scenario=NAME), ingress=True)
    found = decided(run)
    assert found.decision is Decision.APPROVED, found.reasons
    assert [item.path for item in found.scenarios[0].interruptions].count("ingress-write") == 2
    shown = what_there_is(run, NAME)
    assert shown is not None
    assert shown.ingress


@pytest.mark.parametrize("path", [*INGRESS_PATHS, "ingress-"])
def test_without_its_paths_through_the_ingress_it_is_inconclusive(tmp_path: Path, path: str) -> None:
    assert EVIDENCE.probes is not None
    kept = EVIDENCE.probes[~EVIDENCE.probes["path"].str.startswith(path)]
    found = decided(sealed(tmp_path / "a", replace(EVIDENCE, probes=kept), ingress=True))
    assert found.decision is Decision.INCONCLUSIVE
    assert any("every path probed" in reason and "ingress-" in reason for reason in found.reasons)


def test_where_no_ingress_is_named_nobody_misses_it_and_nobody_else_may_be_probed(tmp_path: Path) -> None:
    assert EVIDENCE.probes is not None
    service = EVIDENCE.probes[~EVIDENCE.probes["path"].isin(INGRESS_PATHS)]
    assert (
        decided(sealed(tmp_path / "a", replace(EVIDENCE, probes=service), ingress=False)).decision is Decision.APPROVED
    )
    other = decided(sealed(tmp_path / "b", EVIDENCE, ingress=False))
    assert other.decision is Decision.INCONCLUSIVE
    assert any("path legal" in reason for reason in other.reasons)
