"""Teardown: stop the target and give the environment back. Always runs; safe when nothing runs."""

import time

from readiness.clients import lease
from readiness.clients.target_process import TargetError
from readiness.model.evidence import RUN_SCOPE, StageRef
from readiness.stages.recording import recording
from readiness.stages.run import Run, StageError


def teardown(run: Run) -> None:
    """Stop what this run deployed. A target that belongs to another run's lease is left alone. Raises StageError if
    it could not be stopped."""
    with recording(run, StageRef(RUN_SCOPE, "teardown")) as record:
        try:
            held = lease.holder(run.environment_folder)
        except lease.LeaseError as error:
            raise StageError(str(error)) from error
        mine = held is not None and held.owner == run.run_id
        started = time.monotonic()
        if mine:
            try:
                run.target.down()
            except TargetError as error:
                raise StageError(str(error)) from error
            lease.release(run.environment_folder, run.run_id)
        record.write("teardown.json", {"stopped": mine, "took_s": time.monotonic() - started})
        run.home.load_progress(run.run_id).unlink(missing_ok=True)
