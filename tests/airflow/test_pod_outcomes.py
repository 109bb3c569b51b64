"""What a task makes of a pod's end: the sealed evidence speaks, the pod's end only explains."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowTaskTimeout
from cluster_environment import cluster_environment
from orchestration.cluster_choice import ClusterRefusedError
from orchestration.pod_stage import PodStage
from orchestration.stage_place import StageCall
from readiness.clients.archive import Archive
from readiness.clients.home import Home
from readiness.model.evidence import RUN_SCOPE, StageRef

RUN = "dev-1"
PLAN, DEPLOY, VERIFY = (StageRef(RUN_SCOPE, stage) for stage in ("plan", "deploy", "verify"))
LOAD = StageRef("steady", "load")
EVICTED = {"status": {"reason": "Evicted", "message": "low on memory"}}
OUT_OF_MEMORY = {"status": {"containerStatuses": [{"name": "base", "state": {"terminated": {"reason": "OOMKilled"}}}]}}


class Log:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def info(self, event: str, /, *args: Any) -> None:
        self.lines.append(event % args)

    warning = info


class FakePod:
    """In place of the operator: does what a stage's pod would do to the archive, then ends as told."""

    made, last_seen = True, None
    killed = removed = False

    def __init__(self, sealed_before: int, during: Callable[[], None], seen: Any, error: BaseException | None) -> None:
        self.sealed_before, self._during, self._seen, self._error = sealed_before, during, seen, error

    def run_to_end(self, _context: Any) -> None:
        self._during()
        self.last_seen = self._seen
        if self._error is not None:
            raise self._error

    def remove(self) -> None:
        self.removed = True

    def remove_others(self, _run: str, _stages: tuple[str, ...]) -> list[str]:
        return []

    def on_kill(self) -> None:
        self.killed = True


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    archive = Archive(tmp_path / "archive")
    archive.seal(archive.open_stage(RUN, PLAN))
    return archive


Follow = Callable[..., FakePod]


@pytest.fixture
def follow(archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Follow:
    """Follows a stage whose pod does ``during`` and ends with ``error``."""

    def run(
        ref: StageRef, during: Callable[[], None] = lambda: None, *, seen: Any = None,
        error: BaseException | None = None, attempt: int = 1, may_begin: list[bool] | None = None, killed: bool = False,
    ) -> FakePod:  # fmt: skip
        pod = FakePod(archive.sealed_attempts(RUN, ref), during, seen, error)

        def made(_manifest: Any, **options: Any) -> FakePod:
            if may_begin is not None:
                may_begin.append(options["may_begin"])
            return pod

        monkeypatch.setitem(__import__("sys").modules, "orchestration.stage_pod", SimpleNamespace(stage_pod=made))
        scenario = None if ref.scope == RUN_SCOPE else ref.scope
        context: Any = {"ti": SimpleNamespace(task_id=ref.stage, try_number=attempt, max_tries=1)}
        stage = PodStage(
            cluster_environment(tmp_path), StageCall(ref.stage, RUN, scenario), Home(tmp_path), 60, context, Log()
        )
        if killed:
            pod._during = stage.terminate
        stage.follow()
        return pod

    return run


def sealing(archive: Archive, ref: StageRef, **how: Any) -> Callable[[], None]:
    return lambda: archive.seal(archive.open_stage(RUN, ref), **how) and None


def test_sealed_evidence_counts_although_the_operator_failed(archive: Archive, follow: Follow) -> None:
    follow(VERIFY, sealing(archive, VERIFY), error=AirflowException("(404) pod not found"))


def test_an_operator_that_succeeded_without_evidence_counts_as_failed(archive: Archive, follow: Follow) -> None:
    with pytest.raises(AirflowFailException, match="stage load left nothing"):
        follow(LOAD)
    seal = archive.read_seal(RUN, LOAD)
    assert (seal.outcome, seal.reason) == (
        "failed", "the harness failed: its pod is gone, deleted by somebody or with its node",
    )  # fmt: skip


def test_evidence_of_an_earlier_attempt_is_not_that_of_this_one(archive: Archive, follow: Follow) -> None:
    sealing(archive, LOAD)()
    with pytest.raises(AirflowFailException, match="left nothing: Evicted: low on memory"):
        follow(LOAD, seen=EVICTED, error=AirflowException("failed"))
    assert archive.read_seal(RUN, LOAD).outcome == "failed"  # so the earlier one does not count any more


def test_what_the_stage_itself_says_of_its_failure_is_the_reason(archive: Archive, follow: Follow) -> None:
    with pytest.raises(AirflowFailException, match="stage verify failed: automation replicas"):
        follow(VERIFY, sealing(archive, VERIFY, outcome="failed", reason="automation replicas: 2"), seen=EVICTED)
    assert archive.sealed_attempts(RUN, VERIFY) == 1


def test_a_repeatable_stage_is_tried_again_once_and_then_leaves_the_cause(archive: Archive, follow: Follow) -> None:
    with pytest.raises(AirflowException, match="tried again: Evicted") as first:
        follow(VERIFY, seen=EVICTED, error=AirflowException("failed"))
    assert not isinstance(first.value, AirflowFailException)
    assert archive.sealed_attempts(RUN, VERIFY) == 0
    with pytest.raises(AirflowFailException, match="left nothing: Evicted"):
        follow(VERIFY, seen=EVICTED, error=AirflowException("failed"), attempt=2)
    assert archive.read_seal(RUN, VERIFY).reason == "the harness failed: Evicted: low on memory"


def test_what_would_end_in_the_same_way_is_not_tried_again(follow: Follow) -> None:
    with pytest.raises(AirflowFailException, match="OOMKilled"):
        follow(VERIFY, seen=OUT_OF_MEMORY, error=AirflowException("failed"))
    with pytest.raises(AirflowFailException, match="longer than it may"):
        follow(VERIFY, error=AirflowTaskTimeout())


def test_neither_a_load_nor_a_rollout_is_begun_twice_by_itself(follow: Follow) -> None:
    may_begin: list[bool] = []
    for ref, attempt in ((LOAD, 1), (LOAD, 2), (DEPLOY, 2), (VERIFY, 2)):
        with pytest.raises(AirflowException):
            follow(ref, seen=EVICTED, error=AirflowException("failed"), attempt=attempt, may_begin=may_begin)
    assert may_begin == [True, False, False, True]


def test_a_stage_that_a_person_ended_leaves_no_cause(archive: Archive, follow: Follow) -> None:
    with pytest.raises(AirflowFailException, match="ended by hand"):
        follow(LOAD, error=AirflowException("(404)"), killed=True)
    assert archive.sealed_attempts(RUN, LOAD) == 0


def test_a_run_that_was_never_planned_gets_no_pod(tmp_path: Path) -> None:
    context: Any = {"ti": SimpleNamespace(task_id="report", try_number=1, max_tries=1)}
    stage = PodStage(cluster_environment(tmp_path), StageCall("report", "dev-2"), Home(tmp_path), 60, context, Log())
    with pytest.raises(AirflowFailException, match="never planned"):
        stage.follow()


def test_a_refused_cluster_is_said_and_nothing_is_recorded(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_manifest: Any, **_options: Any) -> None:
        raise ClusterRefusedError("environment dev: the kubeconfig has the contexts prod")

    monkeypatch.setitem(__import__("sys").modules, "orchestration.stage_pod", SimpleNamespace(stage_pod=refuse))
    context: Any = {"ti": SimpleNamespace(task_id="verify", try_number=1, max_tries=1)}
    stage = PodStage(cluster_environment(tmp_path), StageCall("verify", RUN), Home(tmp_path), 60, context, Log())
    with pytest.raises(AirflowFailException, match="contexts prod"):
        stage.follow()
    assert archive.sealed_attempts(RUN, VERIFY) == 0
