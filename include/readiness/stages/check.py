"""Check: turn the sealed evidence of a scenario into its result. The same function serves `readiness verify`."""

from readiness.model.evidence import RUN_SCOPE, RUN_STAGES, StageRef, measuring_stages
from readiness.model.result import ScenarioResult
from readiness.stages.evidence_reader import read_evidence
from readiness.stages.recording import recording
from readiness.stages.run import Run


def check(run: Run, name: str) -> ScenarioResult:
    """Judge the scenario and seal ``result.json``. Bad evidence is a result too (not trusted), no error."""
    with recording(run, StageRef(name, "check"), _inputs(run, name)) as record:
        result = examine(run, name)
        record.write("result.json", result)
        return result


def _inputs(run: Run, name: str) -> tuple[StageRef, ...]:
    return (*run_inputs(), *(StageRef(name, stage) for stage in measuring_stages(run.plan.scenario(name))))


def run_inputs() -> tuple[StageRef, ...]:
    """The stages of the whole run that every result rests on."""
    return tuple(StageRef(RUN_SCOPE, stage) for stage in RUN_STAGES)


def examine(run: Run, name: str) -> ScenarioResult:
    """The result that the archive's evidence leads to, computed anew; nothing is written."""
    from readiness.analysis.judge import judge_scenario
    from readiness.checks.data_checks import check_data

    scenario, environment = run.plan.scenario(name), run.plan.environment
    problems = list(run.archive.check_stages(run.run_id, _inputs(run, name)))
    evidence, unreadable = read_evidence(run, name)
    problems += [problem for problem in unreadable if problem not in problems]
    if evidence is None:
        return judge_scenario(scenario, None, (), tuple(problems))
    with_metrics = frozenset(component for component, declared in environment.components.items() if declared.metrics)
    checks = check_data(
        evidence,
        max_gap_s=environment.observation.max_gap,
        components=run.replicas(),
        most=run.most_replicas(),
        with_metrics=with_metrics,
        source=run.source(name),
    )
    profile = scenario.profiles[run.plan.profile]
    return judge_scenario(scenario, evidence, checks, tuple(problems), profile=profile)
