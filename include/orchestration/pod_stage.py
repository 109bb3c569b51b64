"""A stage in a pod: started, followed, and believed by its sealed evidence alone.

Neither the operator's success nor its failure says anything of the stage: a pod can be gone although the stage sealed
its evidence, and a task can be green although its pod never worked (docs/decisions/0009).
"""

from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowTaskTimeout
from readiness.clients.home import Home
from readiness.model.evidence import StageRef
from readiness.model.kubernetes_environment import KubernetesEnvironment

from orchestration.cluster_choice import ClusterRefusedError
from orchestration.pod_ending import PodEnding, ending_of
from orchestration.pod_manifest import label_value, pod_manifest
from orchestration.sealed_evidence import require_plan
from orchestration.stage_place import StageCall, TaskLog

REPEATABLE = frozenset({"verify", "check", "report", "sign_off", "decide", "teardown"})
"""Stages that may be begun again after their pod was lost: a new attempt says the same. A load is not sent twice, what
was kept of it is not read later than it should have been, a run is planned once, and a second deploy would take what
the first had half rolled out for the release of before, to which it goes back."""
RETRIES = 1
_MEASURING = ("deploy", "verify", "load", "collect")


class PodStage:
    """See RunningStage."""

    def __init__(
        self, environment: KubernetesEnvironment, call: StageCall, at: Home, deadline_s: int, context: Context,
        log: TaskLog,
    ) -> None:  # fmt: skip
        self._environment, self._call, self._home, self._deadline_s = environment, call, at, deadline_s
        self._context, self._log = context, log
        self._pod: Any = None
        self._killed = False

    def follow(self) -> None:
        """See RunningStage."""
        from readiness.clients.archive import ArchiveError
        from readiness.clients.stores.store import StoreError

        try:
            require_plan(self._home, self._call)
            ending = self._run_pod()
            if self._killed:
                raise AirflowFailException(f"stage {self._call.stage}: its task was ended by hand, and its pod with it")
            self._conclude(ending)
        except (ArchiveError, StoreError) as error:
            raise self._failed(str(error)) from error

    def terminate(self) -> None:
        """See RunningStage."""
        self._killed = True
        if self._pod is not None:
            self._pod.on_kill()

    def _run_pod(self) -> PodEnding:
        """The pod from start to end; how it ended, whatever the operator made of that."""
        from orchestration.stage_pod import stage_pod

        taken_over = self._taken_over()
        manifest = pod_manifest(
            self._environment, self._call, deadline_s=self._deadline_s, sealed_before=self._sealed(self._call.ref)
        )
        try:
            self._pod = stage_pod(
                manifest, task_id=str(self._context["ti"].task_id), environment=self._environment.name,
                contexts=self._environment.cluster.contexts,
                may_begin=self._call.stage in REPEATABLE or not taken_over,
            )  # fmt: skip
        except ClusterRefusedError as refused:
            raise AirflowFailException(str(refused)) from refused
        error, timed_out = "", False
        try:
            self._clear_others()
            self._pod.run_to_end(self._context)
        except AirflowTaskTimeout:
            timed_out = True
        except Exception as raised:  # noqa: BLE001 - whatever it was: the evidence says what became of the stage
            error = _said(raised)
            self._log.warning("the pod's operator says: %s", error)
        ending = ending_of(self._pod.last_seen, created=self._pod.made, error=error)
        return PodEnding("its task took longer than it may", repeats=True) if timed_out else ending

    def _conclude(self, ending: PodEnding) -> None:
        """Believe what the stage sealed since its pod was made; where that is nothing, the harness has failed."""
        for ref in self._to_be_left():
            before = self._pod.sealed_before if ref == self._call.ref else 0
            if before is None or self._sealed(ref) <= before:
                self._remove_pod()
                if self._may_be_tried_again(ending):
                    raise AirflowException(f"stage {self._call.stage} left nothing and is tried again: {ending.cause}")
                self._record(ref, ending.cause)
                raise AirflowFailException(f"stage {self._call.stage} left nothing: {ending.cause}")
            seal = self._archive.read_seal(self._call.run_id, ref)
            if seal.outcome != "done":
                raise AirflowFailException(f"stage {self._call.stage} failed: {seal.reason}")

    def _to_be_left(self) -> list[StageRef]:
        """The stages that the pod must have left: its own, and the replay that may follow a collect."""
        from readiness.stages.run import Run

        refs, name = [self._call.ref], self._call.scenario
        if self._call.stage != "collect" or name is None:
            return refs
        replayed = Run(self._home, self._call.run_id).plan.scenario(name).replayed
        return [*refs, StageRef(name, "replay")] if replayed else refs

    def _record(self, ref: StageRef, cause: str) -> None:
        """Leave the cause in the stage's place, where it counts as the last attempt. Without the right to write the run
        is INCONCLUSIVE all the same, and only this log says why."""
        from readiness.clients.stores.store import StoreError
        from readiness.stages.harness import record_harness_failure
        from readiness.stages.run import Run

        if ref.stage == "plan":
            return  # what has a plan is a run
        try:
            record_harness_failure(Run(self._home, self._call.run_id), ref, f"the harness failed: {cause}")
        except (OSError, StoreError) as error:
            self._log.warning("the cause could not be recorded: %s", error)

    def _taken_over(self) -> bool:
        """Whether this task takes over from one that died. (What failed with a word is not tried again unless the
        stage is repeatable; a task that somebody cleared begins anew.)"""
        ti = self._context["ti"]
        return int(ti.try_number) > int(ti.max_tries) - RETRIES + 1

    def _may_be_tried_again(self, ending: PodEnding) -> bool:
        ti = self._context["ti"]
        return self._call.stage in REPEATABLE and not ending.repeats and int(ti.try_number) <= int(ti.max_tries)

    def _failed(self, message: str) -> AirflowException:
        """What to raise when the archive cannot be asked."""
        if self._may_be_tried_again(PodEnding(message)):
            return AirflowException(f"stage {self._call.stage} is tried again: {message}")
        return AirflowFailException(f"stage {self._call.stage}: {message}")

    def _clear_others(self) -> None:
        """Before the platform is stopped nothing may be measuring it any more: a task that died leaves its pod."""
        if self._call.stage == "teardown":
            for name in self._pod.remove_others(label_value(self._call.run_id), _MEASURING):
                self._log.warning("removed the pod %s, which a task that died had left", name)

    def _remove_pod(self) -> None:
        try:
            self._pod.remove()
        except Exception as error:  # noqa: BLE001 - it ends by its deadline; what matters is why the stage failed
            self._log.warning("its pod could not be removed: %s", _said(error))

    def _sealed(self, ref: StageRef) -> int:
        return int(self._archive.sealed_attempts(self._call.run_id, ref))

    @property
    def _archive(self) -> Any:
        from readiness.clients.archive import open_archive

        return open_archive(self._home)


def _said(error: BaseException) -> str:
    """In one line. The API's answer is JSON in ``body``, the message in it is for people."""
    import json

    body = getattr(error, "body", None)
    try:
        return str(json.loads(body)["message"]) if body else str(error) or type(error).__name__
    except (KeyError, TypeError, ValueError):
        return str(error) or type(error).__name__
