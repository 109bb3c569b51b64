"""Environment files of a cluster: what is legal, and what is said of what is not."""

import shutil
from pathlib import Path

import pytest
import yaml
from readiness.model.document import from_json, to_json
from readiness.model.drill import Partition
from readiness.model.environment_kinds import AnyEnvironment
from readiness.model.kubernetes_environment import KubernetesEnvironment
from readiness.spec.files import read_environment
from readiness.spec.problem import SpecError
from readiness.stages.plan import Request, resolve
from readiness.stages.run import StageError

ROOT = Path(__file__).parents[2]
GOOD = (ROOT / "scenarios" / "environments" / "dev.yaml").read_text()


def read(tmp_path: Path, text: str) -> KubernetesEnvironment:
    path = tmp_path / "dev.yaml"
    path.write_text(text)
    found = read_environment(path)
    assert isinstance(found, KubernetesEnvironment)
    return found


def line_of(words: str) -> int:
    return 1 + next(number for number, line in enumerate(GOOD.splitlines()) if line.startswith(words))


@pytest.mark.parametrize("name", ["dev", "staging", "prod"])
def test_each_overlay_has_an_environment_that_fits_it(name: str) -> None:
    found = read_environment(ROOT / "scenarios" / "environments" / f"{name}.yaml")
    assert isinstance(found, KubernetesEnvironment)
    assert found.cluster.overlay == f"k8s/overlays/{name}"
    kustomization = (ROOT / found.cluster.overlay / "platform" / "kustomization.yaml").read_text()
    assert f"namespace: {found.cluster.namespace}\n" in kustomization
    assert all(image in kustomization for image in found.cluster.images)
    assert from_json(AnyEnvironment, to_json(found)) == found
    assert ("components/sink" in kustomization or "base/sink" in kustomization) == ("sink" in found.components)


def test_production_is_signed_and_only_development_is_stopped() -> None:
    folder = ROOT / "scenarios" / "environments"
    found = {path.stem: read_environment(path) for path in folder.glob("*.yaml")}
    clusters = {name: item for name, item in found.items() if isinstance(item, KubernetesEnvironment)}
    assert {name for name, item in clusters.items() if item.sign_off} == {"prod"}
    assert {name for name, item in clusters.items() if item.cluster.when_done == "stop"} == {"dev"}


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            "contexts: [kind-phantommesh, test, in-cluster]",
            "contexts: []",
            "cluster.contexts: Tuple should have at least",
        ),
        ("overlay: k8s/", "overlay: /k8s/", "cluster.overlay: must be a path below the project's folder"),
        ("overlay: k8s/", "overlay: ../k8s/", "cluster.overlay: must be a path below the project's folder"),
        ("namespace: phantommesh-dev", "namespace: Dev_1", "cluster.namespace: String should match pattern"),
        ("10.96.0.0/16]", "0.0.0.0/0]", "cluster.networks.1: must be the private network of one cluster's"),
        ("10.96.0.0/16]", "8.8.0.0/16]", "cluster.networks.1: must be the private network of one cluster's"),
        ("10.96.0.0/16]", "10.96.0.1/16]", "cluster.networks.1: is no network like 10.244.0.0/16"),
        ("when_done: stop", "when_done: delete", "cluster.when_done: Input should be 'stop' or 'keep'"),
        ("phantommesh/vpn-core: vpn-core}", "phantommesh/vpn-core: vpn}", "cluster.images: phantommesh/vpn-core is of"),
        ("s3://readiness/dev", "/srv/archive", "stages.archive.url: String should match pattern"),
        (
            "secret: readiness-archive}",
            "secret: readiness-archive}\n  nodes: {labels: {}}",
            "stages.nodes.labels: Dictionary should have at least 1 item",
        ),
        (
            "secret: readiness-archive}",
            "secret: readiness-archive}\n  nodes: {labels: {Pool/a b: x}}",
            "stages.nodes.labels",
        ),
        (
            "secret: readiness-archive}",
            "secret: readiness-archive}\n  nodes: {labels: {pool: x}, taints: {pool: [x]}}",
            "stages.nodes.taints.pool: Input should be a valid string",
        ),
        (
            "secret: readiness-archive}",
            "secret: readiness-archive}\n  nodes: {select: {pool: x}}",
            "stages.nodes.select: unknown key; legal keys are labels, taints",
        ),
        ("default: stage}", "other: stage}", "stages.accounts.other: unknown key; legal keys are deploy, drill"),
        ("max_replicas: 10}", "max_replicas: 10, metrics: false}", "the component under load must serve /metrics"),
        ("links:\n", 'links:\n  option: [--link, "{link}"]\n', "links.option: nothing is started with an option here"),
        ("source: scrape", "source: graphite", "observation.source: Input should be 'scrape' or 'prometheus'; found"),
        (
            "source: scrape",
            "source: scrape, prometheus: {}",
            "observation: prometheus: is only asked with source: prom",
        ),
        (
            "source: scrape",
            "source: prometheus, prometheus: {url: x}",
            "prometheus.url: unknown key; legal keys are com",
        ),
        (
            "source: scrape",
            'source: prometheus, prometheus: {job: "a{}"}',
            "prometheus.job: String should match pattern",
        ),
        (
            "source: scrape",
            "source: prometheus, prometheus: {finds_within: 0s}",
            "finds_within: Input should be greater",
        ),
        ("name: dev\n", "name: dev\ncommands: {up: [a]}\n", "2: commands: unknown key; legal keys are name"),
    ],
)
def test_each_problem_is_named_with_its_line(tmp_path: Path, old: str, new: str, problem: str) -> None:
    assert old in GOOD
    with pytest.raises(SpecError) as refused:
        read(tmp_path, GOOD.replace(old, new))
    assert problem in str(refused.value)


def test_only_a_cluster_has_a_prometheus_that_can_be_found(tmp_path: Path) -> None:
    local = (ROOT / "scenarios" / "environments" / "local.yaml").read_text()
    (tmp_path / "local.yaml").write_text(local.replace("source: scrape", "source: prometheus"))
    with pytest.raises(SpecError, match=r"only found in a cluster, and this is driver: local; write source: scrape"):
        read_environment(tmp_path / "local.yaml")


@pytest.mark.parametrize("name", ["staging", "prod"])
def test_the_prometheus_of_an_overlay_has_what_a_validation_asks_of_it(name: str) -> None:
    observation = read_environment(ROOT / "scenarios" / "environments" / f"{name}.yaml").observation
    asked = observation.of_prometheus
    assert asked is not None
    config = yaml.safe_load((ROOT / "k8s" / "base" / "prometheus" / "prometheus.yml").read_text())
    job = next(job for job in config["scrape_configs"] if job["job_name"] == asked.job)
    interval_s = float(job["scrape_interval"].removesuffix("s"))
    assert interval_s * 3 <= observation.max_gap  # two scrapes may fail
    assert float(job["scrape_timeout"].removesuffix("s")) <= interval_s
    labels = {rule.get("target_label"): rule["source_labels"] for rule in job["relabel_configs"]}
    assert labels["replica"] == ["__meta_kubernetes_pod_name"]
    assert labels["component"] == ["__meta_kubernetes_pod_label_app_kubernetes_io_name"]
    stateful_set = yaml.safe_load((ROOT / "k8s" / "base" / "prometheus" / "stateful-set.yaml").read_text())
    template = stateful_set["spec"]["template"]
    assert template["metadata"]["labels"]["app.kubernetes.io/name"] == asked.component
    assert any(port["name"] == "http" for port in template["spec"]["containers"][0]["ports"])


def test_a_missing_namespace_is_said_at_the_line_of_what_lacks_it(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as refused:
        read(tmp_path, GOOD.replace("  namespace: phantommesh-dev\n", ""))
    assert f"dev.yaml:{line_of('cluster:')}: cluster.namespace: this key is missing" in str(refused.value)


def test_what_a_cluster_cannot_do_and_what_only_a_cluster_can() -> None:
    folder = ROOT / "scenarios" / "environments"
    assert {"pause", "slow", "disk_full"} <= set(read_environment(folder / "dev.yaml").impossible)
    assert set(read_environment(folder / "local.yaml").impossible) == {"drain"}


def test_a_partition_that_refuses_is_no_kind_of_fault_that_policies_can_make() -> None:
    steps = {how: Partition.model_validate({"at": "50%", "action": "partition", "between": ["a", "b"], "for": "5s",
                                            "how": how}) for how in ("refuse", "drop")}  # fmt: skip
    impossible = read_environment(ROOT / "scenarios" / "environments" / "dev.yaml").impossible
    assert "use how: drop" in impossible[steps["refuse"].kinds[-1]]
    assert not set(steps["drop"].kinds) & set(impossible)


@pytest.mark.parametrize(
    ("step", "says"),
    [
        ("{at: 50%, action: partition, how: refuse, between: [automation, vpn-core], for: 5s}", "use how: drop"),
        ("{at: 50%, action: pause, component: automation, for: 5s}", "use kill"),
    ],
)
def test_a_fault_that_a_cluster_cannot_have_is_refused_when_the_run_is_planned(
    tmp_path: Path, step: str, says: str
) -> None:
    scenarios = tmp_path / "scenarios"
    shutil.copytree(ROOT / "scenarios", scenarios)
    text = (scenarios / "failover.yaml").read_text()
    old = next(line for line in text.splitlines() if "action: kill" in line)
    (scenarios / "failover.yaml").write_text(text.replace(old.strip().removeprefix("- "), step))
    with pytest.raises(StageError, match=f"is not possible in the environment dev: .*{says}"):
        resolve("a-run", Request("dev", ("failover",), scenarios))
