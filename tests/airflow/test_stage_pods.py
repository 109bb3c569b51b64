"""The pod of each stage, as KubernetesPodOperator would create it: no cluster is asked for it."""

import copy
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from cluster_environment import cluster_environment
from orchestration.cluster_choice import ClusterRefusedError, chosen_context
from orchestration.pod_ending import ending_of
from orchestration.pod_manifest import label_value, pod_manifest
from orchestration.pod_place import PodPlace
from orchestration.project import PROJECT
from orchestration.stage_place import StageCall
from orchestration.time_limits import time_limits
from readiness.model.ingress import Ingress
from readiness.model.kubernetes_environment import KubernetesEnvironment, StageNodes
from readiness.spec.files import read_scenario

STAGES = ("plan", "deploy", "verify", "load", "collect", "check", "report", "sign_off", "decide", "teardown")
WITH_API = {"deploy", "verify", "load", "collect", "teardown"}
OF_SCENARIO = {"load", "collect", "check"}
RUN = "dev-manual-2026-11-24t10-37-46-123456-00-00-with-a-long-name-that-no-label-takes-0123abcd"
Pod = dict[str, Any]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> KubernetesEnvironment:
    return cluster_environment(tmp_path_factory.mktemp("environment"))


@pytest.fixture(scope="module")
def place(environment: KubernetesEnvironment) -> PodPlace:
    scenarios = [read_scenario(path) for path in sorted((PROJECT / "scenarios").glob("*.yaml"))]
    return PodPlace(environment, time_limits(environment, scenarios))


def call_of(stage: str) -> StageCall:
    return StageCall(
        stage, RUN, "failover" if stage in OF_SCENARIO else None, ("--answer=none",) * (stage == "sign_off")
    )


@pytest.fixture(scope="module", params=STAGES)
def stage(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def pod(stage: str, environment: KubernetesEnvironment, place: PodPlace) -> Pod:
    """What the operator would send to the API server."""
    from kubernetes.client import ApiClient
    from orchestration.stage_pod import StagePod

    manifest = pod_manifest(environment, call_of(stage), deadline_s=place.deadline_s(stage), sealed_before=1)
    spec, metadata = manifest["spec"], manifest["metadata"]
    operator = StagePod(
        may_begin=True, task_id=stage, namespace=metadata["namespace"], name=metadata["name"],
        labels=dict(metadata["labels"]), annotations=dict(metadata["annotations"]), pod_template_dict=manifest,
        termination_grace_period=spec["terminationGracePeriodSeconds"],
        active_deadline_seconds=spec["activeDeadlineSeconds"],
        termination_message_policy=spec["containers"][0]["terminationMessagePolicy"], deferrable=False,
    )  # fmt: skip
    made: Pod = ApiClient().sanitize_for_serialization(operator.build_pod_request_obj(dry_run=True))
    return made


def unrestricted(pod: Pod) -> list[str]:
    """Each rule of Pod Security ``restricted``, and of ours, that the pod breaks."""
    spec = pod["spec"]
    of_pod = spec.get("securityContext") or {}
    ids = (of_pod.get("runAsUser"), of_pod.get("runAsGroup"))
    rules = {
        "root": of_pod.get("runAsNonRoot") is True and all(ids),
        "seccomp": (of_pod.get("seccompProfile") or {}).get("type") == "RuntimeDefault",
        "host": not any(spec.get(key) for key in ("hostNetwork", "hostPID", "hostIPC", "initContainers")),
        "volume": not any(set(volume) - {"name", "emptyDir"} for volume in spec["volumes"]),
        "service links": spec.get("enableServiceLinks") is False,
    }
    broken = [name for name, kept in rules.items() if not kept]
    return broken + [name for container in spec["containers"] for name in _unrestricted_container(container)]


def _unrestricted_container(container: Pod) -> list[str]:
    context = container.get("securityContext") or {}
    rules = {
        "privileges": context.get("allowPrivilegeEscalation") is False and not context.get("privileged"),
        "capabilities": context.get("capabilities") == {"drop": ["ALL"]},
        "root file system": context.get("readOnlyRootFilesystem") is True,
        "limits": {"cpu", "memory"} <= set(container["resources"].get("limits", {})),
    }
    return [name for name, kept in rules.items() if not kept]


def test_each_stage_passes_pod_security(pod: Pod) -> None:
    assert unrestricted(pod) == []
    assert [container["name"] for container in pod["spec"]["containers"]] == ["base"]  # no sidecar


Damage = Callable[[Pod], None]
DAMAGES: dict[str, Damage] = {
    "root": lambda pod: pod["spec"]["securityContext"].pop("runAsNonRoot"),
    "seccomp": lambda pod: pod["spec"]["securityContext"].pop("seccompProfile"),
    "host": lambda pod: pod["spec"].update(hostNetwork=True),
    "volume": lambda pod: pod["spec"]["volumes"].append({"name": "node", "hostPath": {"path": "/"}}),
    "privileges": lambda pod: pod["spec"]["containers"][0]["securityContext"].pop("allowPrivilegeEscalation"),
    "capabilities": lambda pod: pod["spec"]["containers"][0]["securityContext"].update(capabilities={"drop": []}),
    "root file system": lambda pod: pod["spec"]["containers"][0]["securityContext"].pop("readOnlyRootFilesystem"),
    "limits": lambda pod: pod["spec"]["containers"][0]["resources"].pop("limits"),
    "service links": lambda pod: pod["spec"].pop("enableServiceLinks"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_check_above_names_each_damage(environment: KubernetesEnvironment, damage: str) -> None:
    pod = copy.deepcopy(pod_manifest(environment, call_of("load"), deadline_s=60, sealed_before=0))
    assert unrestricted(pod) == []
    DAMAGES[damage](pod)
    assert unrestricted(pod) == [damage]


def test_what_people_look_for_is_on_the_pod(pod: Pod, stage: str) -> None:
    labels = pod["metadata"]["labels"]
    assert labels["phantommesh.io/run"] == label_value(RUN)
    assert labels["phantommesh.io/stage"] == label_value(stage)
    assert labels.get("phantommesh.io/scenario") == ("failover" if stage in OF_SCENARIO else None)
    assert labels.get("phantommesh.io/uses-api") == ("true" if stage in WITH_API else None)
    assert pod["metadata"]["annotations"] == {"phantommesh.io/run": RUN, "phantommesh.io/sealed-before": "1"}
    assert all(len(value) <= 63 for value in labels.values())
    assert pod["metadata"]["name"].startswith(stage.replace("_", "-"))
    assert pod["spec"]["containers"][0]["args"][:3] == ["stage", stage.replace("_", "-"), f"--run={RUN}"]


def test_labels_of_different_runs_differ() -> None:
    long = ["r" * 100, "r" * 99, "r" * 63, "r" * 64]
    assert len({label_value(text) for text in long}) == len(long)
    assert label_value("dev.drill-a") == "dev.drill-a"


def test_each_stage_has_an_account_that_k8s_declares_and_a_token_only_if_it_needs_one(pod: Pod, stage: str) -> None:
    declared = yaml.safe_load_all((PROJECT / "k8s/base/readiness-runner/service-accounts.yaml").read_text())
    names = {item["metadata"]["name"] for item in declared}
    spec = pod["spec"]
    assert spec["serviceAccountName"] in names - {"default"}
    assert spec["automountServiceAccountToken"] is (stage in WITH_API)
    expected = {"deploy": "stage-deploy", "teardown": "stage-deploy", "load": "stage-drill", "verify": "stage-observe",
                "collect": "stage-observe"}  # fmt: skip
    assert spec["serviceAccountName"] == expected.get(stage, "stage")


def test_no_secret_is_in_the_pod(pod: Pod) -> None:
    container = pod["spec"]["containers"][0]
    assert container["envFrom"] == [{"secretRef": {"name": "readiness-archive"}}]
    assert container["env"] == [{"name": "READINESS_ARCHIVE", "value": "s3://evidence/dev"},
                                {"name": "READINESS_STAGE_IMAGE", "value": container["image"]}]  # fmt: skip


def test_only_pods_that_go_through_the_ingress_get_what_it_wants(
    environment: KubernetesEnvironment, stage: str
) -> None:
    ingress = Ingress(url="https://traefik.traefik.svc", host="phantommesh.example", secret="readiness-ingress")  # noqa: S106
    cluster = environment.cluster.model_copy(update={"ingress": ingress})
    named = environment.model_copy(update={"cluster": cluster})
    container = pod_manifest(named, call_of(stage), deadline_s=60, sealed_before=0)["spec"]["containers"][0]
    secrets = [item["secretRef"]["name"] for item in container["envFrom"]]
    expected = ["readiness-ingress"] if stage in ("deploy", "verify", "load") else []
    assert secrets == ["readiness-archive", *expected]


def test_a_stage_goes_to_nodes_of_its_own_where_there_are_some(environment: KubernetesEnvironment, stage: str) -> None:
    def spec_with(nodes: StageNodes | None) -> Pod:
        stages = environment.stages.model_copy(update={"nodes": nodes})
        named = environment.model_copy(update={"stages": stages})
        return dict(pod_manifest(named, call_of(stage), deadline_s=60, sealed_before=0)["spec"])

    assert not {"nodeSelector", "tolerations"} & set(spec_with(None))
    own = spec_with(StageNodes(labels={"pool": "measuring"}, taints={"only": "measuring"}))
    assert own["nodeSelector"] == {"pool": "measuring"}
    assert own["tolerations"] == [{"key": "only", "operator": "Equal", "value": "measuring"}]
    assert "tolerations" not in spec_with(StageNodes(labels={"pool": "measuring"}))


def test_kubernetes_ends_the_pod_before_airflow_ends_the_task(pod: Pod, stage: str, place: PodPlace) -> None:
    options = place.task_options(stage)
    assert timedelta(seconds=pod["spec"]["activeDeadlineSeconds"]) < options["execution_timeout"]
    assert pod["spec"]["terminationGracePeriodSeconds"] == 2
    assert pod["spec"]["restartPolicy"] == "Never"
    assert options["retries"] == 1


def test_a_namespaces_quota_has_room_for_what_runs_at_once(environment: KubernetesEnvironment) -> None:
    # Teardown runs beside the report and what follows.
    quota = yaml.safe_load((PROJECT / "k8s/base/readiness-runner/quota.yaml").read_text())["spec"]["hard"]
    cpu = [
        pod_manifest(environment, call_of(stage), deadline_s=1, sealed_before=0)["spec"]["containers"][0]["resources"]
        for stage in ("load", "teardown")
    ]
    assert sum(int(item["limits"]["cpu"]) for item in cpu) <= int(quota["limits.cpu"])


def _pod(**status: Any) -> Pod:
    return {"status": status}


def _container(**state: Any) -> list[Pod]:
    return [{"name": "base", "state": state}]


OOM = {"exitCode": 137, "reason": "OOMKilled", "message": "sealing"}
ENDINGS: list[tuple[Pod | None, bool, str, str, bool]] = [
    (None, False, "pods is forbidden: exceeded quota: stages", "exceeded quota", False),
    (None, True, "(404) Not Found", "its pod is gone, deleted by somebody or with its node ((404) Not Found)", False),
    (_pod(reason="Evicted", message="low on memory"), True, "x", "Evicted: low on memory", False),
    (_pod(reason="DeadlineExceeded", message="active longer"), True, "x", "DeadlineExceeded: active longer", True),
    (_pod(containerStatuses=_container(terminated=OOM)), True, "x", "OOMKilled, exit 137: sealing", True),
    (_pod(containerStatuses=_container(terminated={"exitCode": 1, "reason": "Error", "message": "a\nno run\n"})),
     True, "x", "exit 1: no run", False),
    (_pod(containerStatuses=_container(waiting={"reason": "ErrImagePull", "message": "not found"})), True, "x",
     "never started: ErrImagePull: not found", False),
    (_pod(containerStatuses=_container(waiting={"reason": "CreateContainerConfigError", "message": "no secret"})), True,
     "x", "CreateContainerConfigError: no secret", False),
    (_pod(conditions=[{"type": "PodScheduled", "status": "False", "message": "0/1 nodes"}]), True, "x",
     "no node takes its pod: 0/1 nodes", False),
    (_pod(conditions=[{"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler",
                       "message": "preempted"}]), True, "x", "PreemptionByScheduler: preempted", False),
    (_pod(phase="Running"), True, "Connection refused", "Connection refused", False),
    (_pod(phase="Succeeded"), True, "", "its pod ended without a word", False),
]  # fmt: skip


@pytest.mark.parametrize(("pod", "created", "error", "says", "repeats"), ENDINGS)
def test_the_cause_of_each_end_is_told_in_one_line(
    pod: Pod | None, created: bool, error: str, says: str, repeats: bool
) -> None:
    ending = ending_of(pod, created=created, error=error)
    assert says in ending.cause
    assert "\n" not in ending.cause
    assert ending.repeats is repeats


def test_a_pod_is_made_only_in_a_cluster_that_the_environment_names() -> None:
    def choose(*available: str, active: str | None = None, inside: bool = False, allowed: tuple[str, ...] = ("a", "b")):
        return chosen_context("dev", allowed, available, active, in_cluster=inside)

    assert choose("a", "prod", active="a") == "a"
    assert choose("a", "prod", active="prod") == "a"  # the only one that may be used
    assert choose(inside=True, allowed=("in-cluster",)) is None
    for refused in (
        lambda: choose("prod", active="prod"),
        lambda: choose("a", "b", "prod", active="prod"),
        lambda: choose(),
        lambda: choose("a", active="a", inside=True),
    ):
        with pytest.raises(ClusterRefusedError, match=r"^environment dev: [^\n]+$"):
            refused()


def test_a_task_looks_for_evidence_where_the_pods_put_it(place: PodPlace, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("READINESS_ARCHIVE", str(tmp_path))  # of this machine's own runs
        assert place.home().archive_place == "s3://evidence/dev"
