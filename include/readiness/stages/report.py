"""Report: what the evidence says, as one HTML file, bound to the evidence digest it shows."""

import shutil
from pathlib import Path
from typing import Any

from readiness.clients.archive import ArchiveError
from readiness.model.document import sha256
from readiness.model.evidence import RUN_SCOPE, StageRef, evidence_stages
from readiness.model.result import RunDecision
from readiness.stages.evidence_reader import what_there_is
from readiness.stages.recording import recording
from readiness.stages.release_fault import release_fault
from readiness.stages.run import Run

REPORT = StageRef(RUN_SCOPE, "report")


def report(run: Run) -> dict[str, Any]:
    """Render and seal the report; its facts: evidence digest, the report's sha256, decision so far, path."""
    from readiness.analysis.shape import shape_problems
    from readiness.analysis.trend import trends
    from readiness.report.html import render

    refs = evidence_stages(run.plan.scenarios)
    with recording(run, REPORT, refs) as record:
        decision = evidence_decision(run)
        found = {name: what_there_is(run, name) for name in run.plan.scenario_names}
        evidence = {name: item for name, item in found.items() if item is not None}
        whole = {name: item for name, item in evidence.items() if item.observe and not item.missing}
        slopes = {name: trends(item) for name, item in whole.items() if not shape_problems(item)}
        page = render(run.plan, decision, evidence, status=_status(run), trends=slopes)
        path = record.folder / "report.html"
        path.write_text(page, "utf-8")
        facts = {
            "evidence_digest": decision.evidence_digest,
            "report_sha256": sha256(path.read_bytes()),
            "decision": decision.decision.value,
            "problems": list(run.archive.check(run.run_id, run.plan.scenarios)),
        }
        record.write("report.json", facts)
    return facts | {"report": run.archive.address(record.stage, path.name)}


def evidence_decision(run: Run) -> RunDecision:
    """What the evidence alone says, before any signature."""
    from readiness.analysis.decision import decide_evidence

    scenarios = run.plan.scenarios
    problems = run.archive.check(run.run_id, scenarios)
    digest = run.archive.evidence_digest(run.run_id, scenarios)
    return decide_evidence(run.plan, run.results(), problems, digest, release_fault(run))


def report_path(run: Run) -> Path:
    """A file with the sealed report, for people to open: the archive's own, or a copy where that is no folder. Raises
    ArchiveError if there is none."""
    path = run.archive.file(run.run_id, REPORT, "report.html")
    if run.archive.is_folder:
        return path
    copy = run.home.report(run.run_id)
    copy.parent.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copyfile(path, copy))


def _status(run: Run) -> dict[str, Any] | None:
    try:
        return run.status()
    except ArchiveError:
        return None  # it was never deployed; the report says which evidence is missing
