"""All stages of a run in one process, without Airflow: the same evidence and the same decision."""

import importlib
from collections.abc import Callable

from readiness.clients.archive import ArchiveError
from readiness.model.result import RunDecision
from readiness.stages.check import check
from readiness.stages.collect import collect
from readiness.stages.decide import decide
from readiness.stages.deploy import deploy
from readiness.stages.load import load
from readiness.stages.report import report
from readiness.stages.run import EnvironmentInUseError, Run, StageError, UnusableEnvironmentError
from readiness.stages.sign_off import Answer, sign_off
from readiness.stages.steady_state import NotSteadyError
from readiness.stages.teardown import teardown
from readiness.stages.tenancy import NotHeldError
from readiness.stages.verify import verify

Ask = Callable[[Run], Answer]
Say = Callable[[str], None]


def execute(run: Run, ask: Ask, failed: Say, before_teardown: Callable[[], None]) -> RunDecision:
    """Go through every stage of a planned run. ``ask``: gets the answer where a signature is needed; ``failed``: is
    told, in a line, of each stage that failed; ``before_teardown``: is called when the stopping begins, which must not
    be interrupted. A failed stage ends the measuring of its scenario, never the decision: that comes from
    the evidence so far. The target is stopped however this ends. Raises EnvironmentInUseError when another run has the
    environment, and UnusableEnvironmentError when it cannot be used, with nothing to stop: a run that was refused has
    nothing to decide."""
    to_stop = True
    try:
        try:
            deploy(run)
            verify(run)
            _measure(run, failed)
        except (EnvironmentInUseError, UnusableEnvironmentError) as error:
            to_stop = isinstance(error, EnvironmentInUseError)
            raise
        except (StageError, ArchiveError) as error:
            failed(str(error))
        for name in run.plan.scenario_names:
            _check(run, name, failed)
        report(run)
        sign_off(run, ask(run) if run.plan.sign_off else Answer("not required"))
    finally:
        before_teardown()
        if to_stop:
            teardown(run)
    return decide(run)


def _check(run: Run, name: str, failed: Say) -> None:
    """A result that could not be computed is missing in the decision, which says so."""
    try:
        check(run, name)
    except StageError as error:
        failed(str(error))


def _measure(run: Run, failed: Say) -> None:
    """Load and collect scenario after scenario. One that failed does not keep the next from being measured, as long as
    the target comes back to its steady state and the environment is this run's; raises NotSteadyError or NotHeldError
    when it is not."""
    for name in run.plan.scenario_names:
        try:
            _measure_one(run, name)
        except (NotSteadyError, NotHeldError):
            raise
        except (StageError, ArchiveError) as error:
            failed(f"{name}: {error}" if len(run.plan.scenario_names) > 1 else str(error))


def _measure_one(run: Run, name: str) -> None:
    """What the system kept is read also after a load that failed."""
    try:
        load(run, name)
    except (NotSteadyError, NotHeldError):
        raise
    except StageError as error:
        _collect_anyway(run, name, error)
    collect_and_replay(run, name)


def collect_and_replay(run: Run, name: str) -> None:
    """Read what the system kept and then, where the scenario compares verdicts, send a sample of it again."""
    collect(run, name)
    if run.plan.scenario(name).replayed:
        # By name: only the scenarios that compare verdicts need that stage's imports.
        importlib.import_module("readiness.stages.replay").replay(run, name)


def _collect_anyway(run: Run, name: str, error: StageError) -> None:
    """Keep what there is, then go on with the failure of the load, which is the reason that people need."""
    try:
        collect(run, name)
    except StageError as later:
        raise StageError(f"{error}; {later}") from error
    raise error
