"""A run in a fake cluster up to what is collected: everything sealed as clean evidence has it, and the metrics where
two fake replicas of Prometheus have them."""

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from cluster_environment import DEV
from fake_cluster.cluster import FakeCluster
from fake_prometheus import FakePrometheus, Stored
from prometheus_evidence import collected_evidence
from readiness.checks import reading_times
from readiness.clients.home import Home
from readiness.clients.kubernetes.target import ClusterTarget
from readiness.model.dataset import ScenarioEvidence
from readiness.model.document import sha256, to_json
from readiness.model.evidence import RUN_SCOPE, StageRef
from readiness.model.kubernetes_environment import KubernetesEnvironment
from readiness.model.result import ScenarioResult
from readiness.stages import collect as collect_stage
from readiness.stages import collect_metrics as metrics_stage
from readiness.stages.check import examine
from readiness.stages.collect import collect
from readiness.stages.plan import Request, plan
from readiness.stages.pod_history import PodHistory
from readiness.stages.recording import recording
from readiness.stages.run import Run, StageError
from short_scenarios import short_scenarios

ENVIRONMENT = (
    DEV.replace("[kind-phantommesh, in-cluster]", "[test]")
    .replace("  vpn-core: {replicas: 3}\n", "")
    .replace("max_replicas: 10", "max_replicas: 4")
    + "observation: {source: prometheus, max_gap: 5s}\n"
)
RUN_ID, SCENARIO, MEASURE_S = "run-1", "steady", 60


def scenarios(folder: Path) -> Path:
    """A folder with the scenario and the environment."""
    made = short_scenarios(folder, measure_s=MEASURE_S, rate_per_min=1200)
    (made / "environments").unlink()
    (made / "environments").mkdir()
    (made / "environments" / "dev.yaml").write_text(ENVIRONMENT)
    text = (made / "steady.yaml").read_text()
    queue = '  - {name: queue, metric: queue_recovery_time, must: "< 2min"}\n'
    (made / "steady.yaml").write_text(text.replace("warmup: 1s", "warmup: 5s") + queue)
    return made


def wrong(result: ScenarioResult) -> str:
    """Everything that is the matter with its evidence."""
    return "; ".join(result.problems)


def with_prometheus(cluster: FakeCluster, ports: Iterable[int]) -> None:
    """Add a replica of Prometheus for each port on loopback."""
    labels = {"app.kubernetes.io/name": "prometheus"}
    for number, port in enumerate(ports):
        container = {"name": "prometheus", "image": "prometheus:1", "ports": [{"name": "http", "containerPort": port}]}
        status = {"phase": "Running", "podIP": "127.0.0.1", "conditions": [{"type": "Ready", "status": "True"}]}
        cluster.add("v1", "Pod", f"prometheus-{number}", labels=labels, spec={"containers": [container]}, status=status)


def series_of(evidence: ScenarioEvidence, pods: dict[str, str]) -> list[Stored]:
    """The metrics as Prometheus has them. ``pods``: replica -> pod."""
    found = []
    keys = ["component", "replica", "metric", "labels"]
    for (component, replica, metric, labels), part in evidence.metrics.groupby(keys, observed=True):
        served = dict(pair.split("=") for pair in str(labels).split(",") if pair)
        served = {name: value.strip('"') for name, value in served.items()}
        own = {"__name__": str(metric), "job": "phantommesh", "component": str(component), "replica": pods[replica],
               "instance": f"{pods[replica]}:8081", "node": "node-1"}  # fmt: skip
        samples = zip((part["time_ns"] // 1_000_000).tolist(), part["value"].tolist(), strict=True)
        found.append(Stored(own | served, list(samples)))
    return found


def clean() -> ScenarioEvidence:
    """The evidence that the run has."""
    evidence = collected_evidence(measure_s=MEASURE_S)
    # Prometheus keeps time in ms.
    rows = evidence.metrics.assign(time_ns=evidence.metrics["time_ns"] // 1_000_000 * 1_000_000)
    return ScenarioEvidence(**{**evidence.__dict__, "metrics": rows})


class CollectedRun:
    """``run``: sealed up to the observation; ``pods``: replica -> pod; ``evidence``: what is in it, and is to be."""

    def __init__(self, folder: Path, made: Path) -> None:
        self.evidence, home = clean(), Home(folder / "home")
        plan(home, RUN_ID, Request("dev", (SCENARIO,), made, profile="smoke"))
        self.run = Run(home, RUN_ID)
        environment = self.run.plan.environment
        assert isinstance(environment, KubernetesEnvironment)
        status = ClusterTarget(environment, made.parent).status()
        self.pods = {part["replica"]: part["pod"] for part in status["components"]}
        self._seal_run(status)
        self._seal_scenario(status)
        self.run.claim.take(RUN_ID, 600)

    def _seal_run(self, status: dict[str, Any]) -> None:
        with recording(self.run, StageRef(RUN_SCOPE, "deploy"), (StageRef(RUN_SCOPE, "plan"),)) as record:
            record.write("deploy.json", {"took_s": 1.0, "status": status})
        with recording(self.run, StageRef(RUN_SCOPE, "verify")) as record:
            record.write("verify.json", {"checks": []})

    def _seal_scenario(self, status: dict[str, Any]) -> None:
        evidence = self.evidence
        with recording(self.run, StageRef(SCENARIO, "load")) as record:
            record.write("plan.json", {})
            record.write("phases.json", evidence.clock)
            record.write("generator.json", _plain(evidence.generator))
            evidence.requests.to_parquet(record.folder / "requests.parquet", index=False)
        history = PodHistory(status)
        history.note(status, evidence.observe["finished_ns"])
        targets = [item | {"joined_ns": None, "left_ns": None} for item in evidence.observe["targets"]]
        with recording(self.run, StageRef(SCENARIO, "observe")) as record:
            record.write("observe.json", evidence.observe | {"targets": targets} | looked(history))
            evidence.health.to_parquet(record.folder / "health.parquet", index=False)

    def stored(self) -> list[Stored]:
        """What each replica of Prometheus has."""
        return series_of(self.evidence, self.pods)


@contextmanager
def place_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator["Place"]:
    """A run in a cluster of its own with two replicas of Prometheus."""
    cluster = FakeCluster(folder)
    for name, value in cluster.variables.items():
        monkeypatch.setenv(name, value)
    made = CollectedRun(folder, scenarios(folder / "scenarios"))
    monkeypatch.setattr(collect_stage, "wait_drained", lambda *_: (made.evidence.collect["drained_at_ns"], ""))
    monkeypatch.setattr(collect_stage, "_read", lambda record, *_: kept(record, made.evidence))
    monkeypatch.setattr(metrics_stage, "_PATIENCE_S", 1.0)
    monkeypatch.setattr(reading_times, "LATEST_S", math.inf)  # the evidence has times of its own, and is collected now
    with FakePrometheus(made.stored()) as first, FakePrometheus(made.stored()) as second:
        with_prometheus(cluster, (first.port, second.port))
        yield Place(made, cluster, (first, second))


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    """Without numbers of numpy."""
    return {name: float(item) if hasattr(item, "dtype") else _plain(item) if isinstance(item, dict) else item
            for name, item in value.items()}  # fmt: skip


def looked(history: PodHistory) -> dict[str, Any]:
    """What the observation says of the pods."""
    return {"holdings": history.holdings, "looked_ns": history.looked_ns}


def kept(record: Any, evidence: ScenarioEvidence) -> tuple[dict[str, Any], list[str]]:
    """As the collection of audit trail and deliveries, without a platform to ask."""
    for name in ("audit", "deliveries"):
        rows: pd.DataFrame = getattr(evidence, name)
        rows.to_parquet(record.folder / f"{name}.parquet", index=False)
        record.rows[f"{name}.parquet"] = len(rows)
    return {name: evidence.collect[name] for name in ("audit", "deliveries")}, []


def sealed_anew(run: Run, ref: StageRef, name: str, data: bytes) -> None:
    """Replace a sealed file, and its digest in the seal: as if the stage had written it so."""
    path, seal = run.archive.file(run.run_id, ref, name), run.archive.read_seal(run.run_id, ref)
    path.write_bytes(data)
    changed: dict[str, Any] = {"size_bytes": len(data), "sha256": sha256(data)}
    files = tuple(replace(file, **changed) if file.name == name else file for file in seal.files)
    (path.parent / "stage.json").write_bytes(to_json(replace(seal, files=files)))


class Place:
    """A run that is to be collected, and the two that are asked."""

    def __init__(self, made: CollectedRun, cluster: FakeCluster, asked: tuple[FakePrometheus, FakePrometheus]) -> None:
        self.made, self.cluster, self.asked = made, cluster, asked
        self.start_ms = made.evidence.clock.phase("measure").start_ns // 1_000_000

    def collected(self) -> tuple[ScenarioResult, str]:
        """What the check stage says, and why the collection failed."""
        failure = ""
        try:
            collect(self.made.run, SCENARIO)
        except StageError as error:
            failure = str(error)
        return examine(self.made.run, SCENARIO), failure

    def facts(self) -> dict[str, Any]:
        found: dict[str, Any] = self.made.run.read_facts(StageRef(SCENARIO, "collect"), "collect.json")["metrics"]
        return found

    def pod(self, replica: str) -> str:
        return str(self.made.pods[replica])

    def keep(self, which: FakePrometheus, wanted: Callable[[Stored, int], bool]) -> None:
        """Leave only the samples that are wanted, by their series and ms of the measured phase."""
        for series in which.series:
            series.samples = [(at, value) for at, value in series.samples if wanted(series, at - self.start_ms)]
