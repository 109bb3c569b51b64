"""The DAG that trains the platform's threat model each day, by the platform's own command."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, BaseOperator, Context, CronTriggerTimetable, Param
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from orchestration.project import PROJECT, command, stage_environment
from orchestration.stage_process import StageProcess
from orchestration.trigger_form import unknown_keys

DAG_ID = "model_training"
_SCHEDULE_KEY = "ml_training.schedule"
_STATE, _MODELS = "PHANTOMMESH_STATE", "PHANTOMMESH_MODELS"
_NOT_PROMOTED = 3  # the exit code of `phantommesh train` for a model that was kept and did not pass
_GRACE_S = 30.0
_LIMIT = timedelta(hours=1)


def model_training_dag(doc_md: str | None, environ: Mapping[str, str] = os.environ) -> DAG:
    """train >> promoted, once a day. environ: names the platform to learn from."""
    form = training_form(environ)
    with DAG(
        DAG_ID, schedule=training_schedule(), catchup=False, max_active_runs=1, params=form, doc_md=doc_md,
        dag_display_name="Model training", tags=["model"], default_args={"retries": 0},
    ) as dag:  # fmt: skip
        train = TrainOperator(task_id="train", form=list(form), execution_timeout=_LIMIT)
        promoted = PromotedOperator(task_id="promoted", outcome=train.output, execution_timeout=timedelta(minutes=1))
        train >> promoted
    return dag


@lru_cache(maxsize=1)
def training_schedule() -> CronTriggerTimetable:
    """Daily, when the platform's configuration says. A new Airflow waits for the next time: it does not make up for the
    last, in the midst of a measurement. Raises ValueError in one line when the configuration cannot be used."""
    asked = [command("phantommesh"), "config", "--json"]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise ValueError(f"the platform's configuration cannot be used: {done.stderr.strip() or done.stdout.strip()}")
    values = {setting["key"]: setting["value"] for setting in json.loads(done.stdout)["settings"]}
    hour, minute = values[_SCHEDULE_KEY].split(":")
    return CronTriggerTimetable(f"{int(minute)} {int(hour)} * * *", timezone="UTC", run_immediately=timedelta(0))


def training_form(environ: Mapping[str, str]) -> dict[str, Param]:
    """What may be asked for, with the defaults of the nightly run."""
    return {
        "state": Param(
            environ.get(_STATE, ""), type="string", title="State folder",
            description="Of the running platform to learn from. Empty when event files are named.",
        ),
        "events": Param(
            [], type="array", title="Event files", items={"type": "string", "minLength": 1},
            description="Recorded Suricata alerts, instead of a platform.",
        ),
        "models": Param(
            environ.get(_MODELS, ""), type="string", title="Models folder",
            description="Empty: models in the state folder.",
        ),
    }  # fmt: skip


def train_arguments(params: Mapping[str, Any], folder: Path = PROJECT) -> list[str]:
    """The arguments of `phantommesh train`; relative paths are below ``folder``. Raises ValueError in one line."""
    state, events, models = params["state"], params["events"], params["models"]
    if bool(state) == bool(events):
        raise ValueError(f"name either a state folder (parameter state, or {_STATE}) or event files (parameter events)")
    if events and not models:
        raise ValueError(f"name the models folder (parameter models, or {_MODELS})")
    # Joined by "=", so that no value can pass for an option.
    arguments = [f"--events={folder / path}" for path in events] or [f"--state={folder / state}"]
    return [*arguments, *([f"--models={folder / models}"] if models else []), "--json"]


class TrainOperator(BaseOperator):
    """Runs `phantommesh train` to its end, its lines in the task's log. Returns what it printed: version, promoted,
    ROC AUC with its interval, threshold, numbers of samples. Fails with its last line when it made no model; is skipped
    in a nightly run of an installation that names no platform, where there is nothing to train from."""

    def __init__(self, *, form: Sequence[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.form = tuple(form)
        self._process: StageProcess | None = None

    def execute(self, context: Context) -> dict[str, Any]:
        if problem := unknown_keys(context["dag_run"].conf or {}, self.form):
            raise AirflowFailException(problem)
        params = context["params"]
        if context["dag_run"].run_type == "scheduled" and not (params["state"] or params["events"]):
            raise AirflowSkipException(f"nothing to train from: set {_STATE} to a platform's state folder")
        try:
            argv = [command("phantommesh"), "train", *train_arguments(params)]
        except ValueError as error:
            raise AirflowFailException(str(error)) from error
        self.log.info("%s", " ".join(argv))
        self._process = StageProcess(argv, env=stage_environment(os.environ), cwd=PROJECT)
        last = "it said nothing"
        try:
            for line in self._process.lines():
                self.log.info("%s", line)
                last = line if line.strip() else last
            return training_outcome(self._process.wait(), last)
        except BaseException:  # a timeout of the task is one
            self._process.stop(_GRACE_S)
            raise

    def on_kill(self) -> None:
        if self._process is not None:
            self._process.terminate()


def training_outcome(exit_code: int, last_line: str) -> dict[str, Any]:
    """What the command's JSON line says. Raises AirflowFailException unless it made a model."""
    if exit_code not in (0, _NOT_PROMOTED):
        how = f"exit {exit_code}" if exit_code > 0 else f"signal {-exit_code}"
        raise AirflowFailException(f"training failed ({how}): {last_line}")
    try:
        outcome: dict[str, Any] = json.loads(last_line)
        agrees = outcome["promoted"] is (exit_code == 0)
    except (KeyError, TypeError, ValueError) as error:
        raise AirflowFailException(f"training: its last line is not the JSON of a model: {last_line!r}") from error
    if not agrees:
        raise AirflowFailException(f"training: exit {exit_code} and its last line disagree: {last_line!r}")
    return outcome


class PromotedOperator(BaseOperator):
    """Skipped when the model was not promoted, with the figures in the log."""

    template_fields: Sequence[str] = ("outcome",)

    def __init__(self, *, outcome: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.outcome = outcome

    def execute(self, context: Context) -> str:  # noqa: ARG002 - Airflow's signature
        found = self.outcome
        told = (
            f"{found['version']}: ROC AUC {found['roc_auc']:.3f} ({found['roc_auc_low']:.3f} to "
            f"{found['roc_auc_high']:.3f}), {found['threshold']:g} is needed"
        )
        if not found["promoted"]:
            raise AirflowSkipException(f"not promoted: {told}")
        self.log.info("in force: %s", told)
        return str(found["version"])
