"""One trial: the fault is planted, the gate is asked, and what it said is held against what it must name."""

import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from readiness.clients.archive import ArchiveError
from readiness.clients.home import Home
from readiness.model.result import RunDecision
from readiness.model.verdict import Decision
from readiness.self_test.catalogue import Trial
from readiness.self_test.real_run import real_run
from readiness.self_test.recorded import copied
from readiness.stages.run import Run, StageError

ATTEMPTS = 4
_BUSY = re.compile(r"load not proven|the sampler stalled|the observation did not cover")
"""What the gate says when this machine was too busy to measure: true, and nothing about the fault."""


@dataclass(frozen=True)
class Recording:
    """Two approved runs of one scenario below ``home``: the one that is spoilt, and the one before it."""

    home: Path
    run_id: str
    earlier: str


@dataclass(frozen=True)
class Outcome:
    """``said``: the decision, or ERROR where there was none; ``reason``: the one that names the fault, else the first.
    ``caught``: for a fault that it was named, for a clean run that it was approved. ``attempts``: how many times it
    was tried, since the machine was too busy for the load."""

    name: str
    title: str
    is_fault: bool
    said: str
    reason: str
    caught: bool
    took_s: float
    attempts: int = 1


def attempt(trial: Trial, folder: Path, recording: Recording | None) -> Outcome:
    """Try it, again where the machine was too busy to offer the load. ``folder``: for all files of the trial, removed
    when it went as it must. Never raises for what a trial does: that is an outcome, too."""
    started = time.monotonic()
    for number in range(1, ATTEMPTS + 1):
        place = folder / f"attempt-{number}"
        try:
            decision = _decision(trial, place, recording)
        except (StageError, ArchiveError, OSError) as error:
            return _outcome(trial, "ERROR", (str(error),), started, number)
        found = _outcome(trial, decision.decision.value, decision.reasons, started, number)
        if found.caught or not any(_BUSY.search(reason) for reason in decision.reasons):
            break
    if found.caught:
        shutil.rmtree(folder, ignore_errors=True)
    return found


def _decision(trial: Trial, place: Path, recording: Recording | None) -> RunDecision:
    if trial.alter is None:
        return real_run(trial.scenario, trial.planted, place)[1]
    if recording is None:
        raise StageError(f"{trial.name} needs a recorded run")
    source = Home(recording.home)
    evidence = copied(Run(source, recording.run_id), place / "home")
    earlier = copied(Run(source, recording.earlier), place / "earlier")
    trial.alter(evidence, earlier)
    return evidence.decided()


def _outcome(trial: Trial, said: str, reasons: tuple[str, ...], started_s: float, attempts: int) -> Outcome:
    named = [reason for reason in reasons if trial.is_fault and re.search(trial.names, reason)]
    caught = said in (Decision.REJECTED, Decision.INCONCLUSIVE) and bool(named)
    if not trial.is_fault:
        caught = said == Decision.APPROVED
    reason = (named or list(reasons) or [""])[0]
    took_s = time.monotonic() - started_s
    return Outcome(trial.name, trial.title, trial.is_fault, said, reason, caught, took_s, attempts)


def record(scenario: str, folder: Path) -> Recording:
    """Two runs of a fake without a fault. Raises StageError if the gate does not approve them: nothing can be spoilt
    then."""
    ids: list[str] = []
    for which in ("earlier", "recorded"):
        ids.append(_approved(scenario, folder, which))
    return Recording(folder / "home", ids[1], ids[0])


def _approved(scenario: str, folder: Path, which: str) -> str:
    reasons: tuple[str, ...] = ()
    for number in range(1, ATTEMPTS + 1):
        place = folder / f"{which}-{number}"
        run, decision = real_run(scenario, "none", place)
        if decision.decision is Decision.APPROVED:
            target = folder / "home" / "archive" / "runs" / run.run_id
            shutil.move(run.home.archive / "runs" / run.run_id, target)
            return run.run_id
        reasons = decision.reasons
    raise StageError(f"a fake without a fault was not approved, so nothing can be planted: {'; '.join(reasons)}")
