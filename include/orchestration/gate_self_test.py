"""The DAG that lets the gate test itself, by the engine's own command."""

import os
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, BaseOperator, Context, Param
from airflow.sdk.exceptions import AirflowFailException

from orchestration.project import PROJECT, command, stage_environment
from orchestration.stage_process import StageProcess
from orchestration.trigger_form import unknown_keys

DAG_ID = "gate_self_test"
_LIMIT = timedelta(hours=1)
_GRACE_S = 60.0


def gate_self_test_dag(doc_md: str | None) -> DAG:
    """One task: the table of faults is its log, and it fails unless every fault was caught."""
    form = self_test_form()
    with DAG(
        DAG_ID, schedule=None, catchup=False, max_active_runs=1, params=form, doc_md=doc_md,
        dag_display_name="Gate self-test", tags=["gate"], default_args={"retries": 0},
    ) as dag:  # fmt: skip
        SelfTestOperator(task_id="self_test", form=list(form), execution_timeout=_LIMIT)
    return dag


def self_test_form() -> dict[str, Param]:
    """What may be asked for; the default is everything."""
    return {
        "quick": Param(
            False, type="boolean", title="Quick", description="A subset that takes under two minutes.",
        ),
        "only": Param(
            [], type="array", title="Only these faults", items={"type": "string", "pattern": "^[a-z][a-z0-9-]*$"},
            description="Names as `readiness self-test --list` prints them; clean: the runs without a fault.",
        ),
    }  # fmt: skip


def self_test_arguments(params: Mapping[str, Any]) -> list[str]:
    """The arguments of `readiness self-test`, joined by "=", so that no value can pass for an option."""
    return ["--quick"] * bool(params["quick"]) + [f"--only={name}" for name in params["only"]]


class SelfTestOperator(BaseOperator):
    """Runs `readiness self-test` to its end, its lines in the task's log."""

    def __init__(self, *, form: Sequence[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.form = tuple(form)
        self._process: StageProcess | None = None

    def execute(self, context: Context) -> None:
        if problem := unknown_keys(context["dag_run"].conf or {}, self.form):
            raise AirflowFailException(problem)
        argv = [command("readiness"), "self-test", *self_test_arguments(context["params"])]
        self.log.info("%s", " ".join(argv))
        self._process = StageProcess(argv, env=stage_environment(os.environ), cwd=PROJECT)
        last = "it said nothing"
        try:
            for line in self._process.lines():
                self.log.info("%s", line)
                last = line if line.strip() else last
            exit_code = self._process.wait()
        except BaseException:  # a timeout of the task is one
            self._process.stop(_GRACE_S)
            raise
        if exit_code != 0:
            raise AirflowFailException(f"the gate cannot be trusted (exit {exit_code}): {last}")

    def on_kill(self) -> None:
        if self._process is not None:
            self._process.terminate()
