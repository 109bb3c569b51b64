"""A whole self-test: which trials, in which order, several at once in processes of their own."""

import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path

from readiness.self_test import worker
from readiness.self_test.catalogue import FAULTS, RECORDED, SOUND, Trial, clean_trials
from readiness.self_test.trying import Outcome, Recording, attempt, record
from readiness.stages.run import StageError

CLEAN_RUNS, QUICK_CLEAN_RUNS = 50, 2
LONG_AT_ONCE = 3
Watch = Callable[[Outcome, int], None]


def chosen(*, quick: bool, only: Iterable[str], clean_runs: int | None = None) -> tuple[Trial, ...]:
    """The trials of a session, in order. ``only``: names; "clean" stands for the clean runs. Raises StageError for a
    name that there is not."""
    count = clean_runs if clean_runs is not None else QUICK_CLEAN_RUNS if quick else CLEAN_RUNS
    trials = (*FAULTS, *clean_trials(count))
    names = set(only)
    legal = {"clean", *(trial.name for trial in (*FAULTS, *SOUND))}
    if names - legal:
        raise StageError(f"no fault {', '.join(sorted(names - legal))}; legal are {', '.join(sorted(legal))}")
    if not names:
        return tuple(trial for trial in trials if trial.quick or not quick)
    wanted = (*FAULTS, *SOUND, *(trial for trial in clean_trials(count) if trial not in SOUND))
    return tuple(trial for trial in wanted if trial.name in names or ("clean" in names and not trial.is_fault))


def run_session(trials: Sequence[Trial], folder: Path, jobs: int, watch: Watch) -> tuple[Outcome, ...]:
    """Try them all, ``jobs`` at once, and beside them those that are long. ``watch`` hears of each outcome as it
    comes, with the number of those still to come. The outcomes are in the order of the trials. Raises StageError if no
    evidence could be recorded."""
    long = [trial for trial in trials if trial.long]
    found: dict[str, Outcome] = {}
    with _workers(jobs) as workers, _workers(LONG_AT_ONCE) as patient:
        recording = (
            workers.submit(worker.execute, record, RECORDED, folder / "recorded") if _needs_recording(trials) else None
        )
        waiting: list[Future[Outcome]] = [
            patient.submit(worker.execute, attempt, trial, folder / trial.name, None) for trial in long
        ]
        others = [trial for trial in trials if not trial.long]
        waiting += _submit(workers, (trial for trial in others if trial.alter is None), folder, None)
        if recording is not None:
            altered = (trial for trial in others if trial.alter is not None)
            waiting += _submit(workers, altered, folder, recording.result())
        for future in as_completed(waiting):
            outcome = future.result()
            found[outcome.name] = outcome
            watch(outcome, len(trials) - len(found))
    return tuple(found[trial.name] for trial in trials)


def _needs_recording(trials: Iterable[Trial]) -> bool:
    return any(trial.alter is not None for trial in trials)


def _submit(
    workers: ProcessPoolExecutor, trials: Iterable[Trial], folder: Path, recording: Recording | None
) -> list[Future[Outcome]]:
    return [workers.submit(worker.execute, attempt, trial, folder / trial.name, recording) for trial in trials]


@contextmanager
def _workers(count: int) -> Iterator[ProcessPoolExecutor]:
    """Processes that begin empty (a fork would inherit threads). When the block is left early, what waits is given up
    and what runs stops in order."""
    pool = ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), worker.begin)
    try:
        yield pool
    except BaseException:
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
