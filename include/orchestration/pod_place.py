"""Stages as pods of a cluster, each by a KubernetesPodOperator."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from airflow.sdk import Context
from readiness.clients.home import Home
from readiness.model.kubernetes_environment import KubernetesEnvironment

from orchestration.pod_manifest import SCHEDULE_S, START_S
from orchestration.pod_stage import RETRIES, PodStage
from orchestration.project import home
from orchestration.stage_place import StageCall, TaskLog
from orchestration.time_limits import TimeLimits

_ARCHIVE_S = 180.0
"""A stage may wait 60 s for an S3 service that is away, when it opens, seals and, beside a load, twice."""
_AROUND_S = SCHEDULE_S + 180.0
"""Around the deadline: waiting for a node, and for an API server that is away (AIRFLOW__WORKERS__API_RETRIES)."""
_RETRY_DELAY = timedelta(seconds=30)


class PodPlace:
    """See StagePlace. The evidence lies where the environment file says that the pods put it."""

    def __init__(self, environment: KubernetesEnvironment, limits: TimeLimits) -> None:
        self._environment, self._limits = environment, limits

    def home(self) -> Home:
        """See StagePlace."""
        return home(archive=self._environment.stages.archive.url)

    def deadline_s(self, stage: str) -> int:
        """How long the pod may live from when a node has taken it, the pulling of its image included."""
        return round(self._limits.work_s[stage] + _ARCHIVE_S + START_S)

    def task_options(self, stage: str) -> Mapping[str, Any]:
        """See StagePlace. A second try takes over the pod of a task that died; only what is repeatable begins anew."""
        return {
            "execution_timeout": self._limits.of(stage, _ARCHIVE_S + START_S + _AROUND_S),
            "retries": RETRIES,
            "retry_delay": _RETRY_DELAY,
        }

    def prepare(self, call: StageCall, context: Context, log: TaskLog) -> PodStage:
        """See StagePlace."""
        return PodStage(self._environment, call, self.home(), self.deadline_s(call.stage), context, log)
