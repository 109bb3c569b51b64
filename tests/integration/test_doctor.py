"""`readiness doctor` on the real environment files: each thing that people get wrong is one line that says what to do,
and nothing is changed."""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from fake_cluster.changes import Change, setting, with_meta, with_quota, without
from fake_cluster.cluster import STAGES, FakeCluster
from readiness.clients.kubernetes.doctor import examination
from readiness.clients.kubernetes.rendering import rendered
from readiness.model.finding import Finding, FindingState
from readiness.model.ingress import Ingress
from readiness.model.kubernetes_environment import KubernetesEnvironment
from readiness.spec.files import read_environment
from readiness.stages.doctor import findings, require_usable
from readiness.stages.run import StageError

ROOT = Path(__file__).parents[2]
READINESS = str(Path(sys.executable).parent / "readiness")
ALL = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]


@cache
def dev() -> KubernetesEnvironment:
    found = read_environment(ROOT / "scenarios" / "environments" / "dev.yaml")
    assert isinstance(found, KubernetesEnvironment)
    return found


rendered_once = cache(rendered)


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    fake = FakeCluster(tmp_path)
    for name, value in fake.variables.items():
        monkeypatch.setenv(name, value)
    # The overlay is the same each time, and kustomize takes a second for it.
    monkeypatch.setattr(examination, "rendered", rendered_once)
    return fake


def said(state: FindingState) -> list[Finding]:
    return [finding for finding in findings(dev(), ROOT) if finding.state is state]


def test_an_environment_that_is_set_up_can_be_used(cluster: FakeCluster) -> None:
    found = list(findings(dev(), ROOT))
    assert [finding.check for finding in found if finding.state is not FindingState.OK] == ["policies"]
    assert {"context", "cluster", "overlay", "kinds", "metrics", "namespace", "stages", "secrets", "rights", "quota",
            "networks", "ingress"} <= {finding.check for finding in found}  # fmt: skip
    assert cluster.changes == []


def test_a_run_is_refused_with_the_first_problem_and_told_of_the_others(cluster: FakeCluster) -> None:
    setting(apis={"/apis/metrics.k8s.io/v1beta1": []})(cluster)
    without("Namespace", "phantommesh-dev")(cluster)
    with pytest.raises(StageError, match=r"^the cluster has no IngressRoute, .* \(and 1 more: readiness doctor"):
        require_usable(dev(), ROOT)
    assert cluster.changes == []


def test_a_run_from_a_shell_needs_nothing_that_only_stages_in_pods_need(cluster: FakeCluster) -> None:
    without("Namespace", STAGES)(cluster)
    setting(rules={"*": ALL, "stage-drill": []})(cluster)
    assert {finding.check for finding in said(FindingState.PROBLEM)} == {"stages"}
    require_usable(dev(), ROOT)


def of_component(component: str, file: str) -> dict[str, Any]:
    """An object of k8s/components."""
    found: dict[str, Any] = yaml.safe_load((ROOT / "k8s" / "components" / component / file).read_text())
    return found


def test_the_autoscaler_by_queue_depth_needs_keda(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    scaled = of_component("autoscaling-keda", "scaled-object.yaml")
    monkeypatch.setattr(examination, "rendered", lambda *given: (*rendered_once(*given), scaled))
    (problem,) = said(FindingState.PROBLEM)
    assert problem.check == "kinds"
    assert "the cluster has no ScaledObject (keda.sh/v1alpha1)" in problem.says
    assert "KEDA: install it" in problem.says
    assert cluster.changes == []


def test_the_certificate_of_a_gateway_is_asked_for_unless_cert_manager_makes_it(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def as_in(component: str, file: str) -> dict[str, Any]:
        text = (ROOT / "k8s" / "components" / component / file).read_text().replace("phantommesh-tls", "gateway-tls")
        made: dict[str, Any] = yaml.safe_load(text)
        return made

    of_cluster = {
        "/apis/gateway.networking.k8s.io/v1": ["Gateway"],
        "/apis/traefik.io/v1alpha1": ["IngressRoute", "Middleware", "ServersTransport"],
        "/apis/metrics.k8s.io/v1beta1": ["PodMetrics"],
    }
    setting(apis=of_cluster)(cluster)
    gateway, certificate = as_in("gateway-api", "gateway.yaml"), as_in("cert-manager", "certificate.yaml")
    monkeypatch.setattr(examination, "rendered", lambda *given: (*rendered_once(*given), gateway))
    problems = [finding for finding in said(FindingState.PROBLEM) if finding.check == "secrets"]
    assert [finding.says.partition(";")[0] for finding in problems] == [
        "the namespace phantommesh-dev has no secret gateway-tls"
    ]
    monkeypatch.setattr(examination, "rendered", lambda *given: (*rendered_once(*given), gateway, certificate))
    problems = said(FindingState.PROBLEM)
    assert "secrets" not in {finding.check for finding in problems}
    assert any("no Certificate (cert-manager.io/v1)" in item.says and "cert-manager: install it" in item.says
               for item in problems)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "check", "says", "remedy"),
    [
        (setting(context=""), "context", "no cluster is chosen", "set KUBECONFIG to a file"),
        (setting(context="prod-eu"), "context", "the context prod-eu is none that may be used in the environment dev",
         "kubectl config use-context kind-phantommesh"),
        (setting(unreachable=1000), "cluster", "the cluster of the context test does not answer", "is it up"),
        (setting(apis={"/apis/metrics.k8s.io/v1beta1": []}), "kinds",
         "the cluster has no IngressRoute, Middleware, ServersTransport (traefik.io/v1alpha1)",
         "come with Traefik: install it"),
        (setting(apis={"/apis/traefik.io/v1alpha1": ["IngressRoute", "Middleware", "ServersTransport"]}), "metrics",
         "does not serve metrics.k8s.io", "install metrics-server"),
        (without("Namespace", "phantommesh-dev"), "namespace", "there is no namespace phantommesh-dev",
         "kubectl apply --server-side -k k8s/overlays/dev"),
        (with_meta("Namespace", "phantommesh-dev", deletionTimestamp="now"), "namespace", "is being deleted",
         "once it is gone"),
        (with_meta("Namespace", "phantommesh-dev", labels={"phantommesh.io/holds": "platform",
                                                           "phantommesh.io/environment": "staging"}),
         "namespace", "belongs to another release (its labels say phantommesh.io/holds: platform, "
         "phantommesh.io/environment: staging)", "name another one in the overlay"),
        (with_meta("Namespace", "phantommesh-dev", labels={}), "namespace", "belongs to something else",
         "name another one"),
        (with_meta("Deployment", "automation", annotations={"meta.helm.sh/release-name": "mesh"}), "namespace",
         "belongs to the Helm release mesh (of the deployment automation)", "remove that release first"),
        (without("Namespace", STAGES), "stages", "there is no namespace readiness-dev", "kubectl apply --server-side"),
        (without("ServiceAccount", "stage-drill"), "stages", "no service account stage-drill", "kubectl apply"),
        (without("Secret", "readiness-archive"), "stages", "has no secret readiness-archive", "create secret generic"),
        (without("Secret", "phantommesh-secrets-bcdfgh2456"), "secrets", "has no secret phantommesh-secrets;",
         "write its file beside the overlay"),
        (without("Secret", "phantommesh-tls"), "secrets", "has no secret phantommesh-tls",
         "kubectl -n phantommesh-dev create"),
        (with_quota(pods="10"), "quota", "of pods and the quota team allows 10 in phantommesh-dev", "raise that quota"),
        (with_quota(requests_cpu="100m"), "quota", "of requests.cpu and the quota team allows 100m",
         "raise that quota"),
        (with_quota(limits_memory="64Mi"), "quota", "of limits.memory and the quota team allows 64Mi",
         "raise that quota"),
        (with_quota(STAGES, requests_memory="600Mi"), "stages",
         "the stages need 768Mi of requests.memory and the quota team allows 600Mi in readiness-dev",
         "raise that quota"),
        (with_quota(STAGES, limits_memory="4Gi"), "stages", "the stages need 5120Mi of limits.memory",
         "raise that quota"),
        (with_quota(STAGES, pods="1"), "stages", "the stages need 2 of pods", "raise that quota"),
        (setting(rules={"*": [], "stage-deploy": ALL, "stage-drill": ALL, "stage-observe": ALL}), "rights",
         "somebody may not ", "k8s/components/readiness-rights"),
        (setting(rules={"*": ALL, "stage-drill": []}), "stages", "stage-drill may not ",
         "k8s/components/readiness-rights"),
        (lambda cluster: cluster.add("v1", "Service", "automation", spec={"clusterIP": "192.0.2.7"}), "networks",
         "192.0.2.7 in phantommesh-dev is in no network that may be loaded", "under cluster.networks"),
    ],
)  # fmt: skip
def test_what_people_get_wrong_is_one_line_that_says_what_to_do(
    cluster: FakeCluster, change: Change, check: str, says: str, remedy: str
) -> None:
    change(cluster)
    problems = said(FindingState.PROBLEM)
    assert [finding.check for finding in problems] == [check], problems
    assert says in problems[0].says
    assert remedy in problems[0].says
    assert "\n" not in problems[0].says
    assert cluster.changes == []


@pytest.mark.parametrize(
    ("forbidden", "check", "says"),
    [
        (["get Secret"], "secrets", "this account may not list the secrets in phantommesh-dev"),
        (["get ResourceQuota"], "quota", "this account may not read the quotas of phantommesh-dev"),
        (["get ResourceQuota"], "stages", "this account may not read the quotas of readiness-dev"),
        (["impersonate ServiceAccount"], "stages", "this account may not ask on behalf of"),
    ],
)
def test_what_an_account_may_not_see_is_unknown_and_no_problem(
    cluster: FakeCluster, forbidden: list[str], check: str, says: str
) -> None:
    setting(forbidden=forbidden)(cluster)
    assert any(finding.check == check and says in finding.says for finding in said(FindingState.UNKNOWN))
    assert not said(FindingState.PROBLEM)


@pytest.mark.parametrize(
    ("ingress", "check", "says"),
    [
        ({"url": "https://127.0.0.1:1"}, "ingress", "the ingress at https://127.0.0.1:1 does not answer (Connection"),
        ({"url": "https://172.18.0.2"}, "ingress", "cluster.ingress.url: 'https://172.18.0.2' is 172.18.0.2; only"),
        ({"url": "https://127.0.0.1:1", "certificate": {"env": "READINESS_NO"}}, "ingress",
         "the variable READINESS_NO is not set here"),
        ({"url": "https://127.0.0.1:1", "secret": "readiness-ingress"}, "stages", "has no secret readiness-ingress"),
    ],
)  # fmt: skip
def test_an_ingress_that_cannot_be_used_is_one_line(
    cluster: FakeCluster, ingress: dict[str, Any], check: str, says: str
) -> None:
    found = Ingress.model_validate(ingress | {"host": "phantommesh.example"})
    environment = dev().model_copy(update={"cluster": dev().cluster.model_copy(update={"ingress": found})})
    lines = [item for item in findings(environment, ROOT) if item.state is FindingState.PROBLEM and item.check == check]
    assert len(lines) == 1
    assert says in lines[0].says
    assert "\n" not in lines[0].says
    assert cluster.changes == []
    with pytest.raises(StageError):
        require_usable(environment, ROOT)


def test_a_plugin_that_is_known_to_enforce_policies_is_named(cluster: FakeCluster) -> None:
    cluster.add("apps/v1", "DaemonSet", "cilium", namespace="kube-system", spec={})
    assert [finding.check for finding in said(FindingState.UNKNOWN)] == []


def test_the_quota_counts_what_others_run_and_this_release_once(cluster: FakeCluster) -> None:
    with_quota(pods="30")(cluster)
    assert not said(FindingState.PROBLEM)
    other = {"app.kubernetes.io/name": "other", "app.kubernetes.io/part-of": "another"}
    for number in range(20):
        cluster.add("v1", "Pod", f"other-{number}", labels=other, spec={"containers": []}, status={})
    problems = said(FindingState.PROBLEM)
    assert [finding.check for finding in problems] == ["quota"]


def doctor(cluster: FakeCluster, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [READINESS, "doctor", *arguments], env=os.environ | cluster.variables, cwd=ROOT, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip


def test_the_command_ends_with_what_it_found(cluster: FakeCluster) -> None:
    good = doctor(cluster, "--environment", "dev", "--json")
    assert good.returncode == 0, good.stderr
    assert json.loads(good.stdout)["usable"] is True
    setting(context="prod-eu")(cluster)
    bad = doctor(cluster, "--environment", "dev")
    assert bad.returncode == 1
    assert bad.stdout.splitlines()[0].startswith("problem  context:    the context prod-eu")
    assert len(bad.stdout.splitlines()) == 2
    assert doctor(cluster, "--environment", "dev", "--json").returncode == 1
    nowhere = doctor(cluster, "--environment", "nowhere")
    assert nowhere.returncode == 1
    assert len(nowhere.stderr.splitlines()) == 1


def test_an_environment_of_commands_needs_its_programs(cluster: FakeCluster) -> None:
    assert doctor(cluster, "--environment", "local").returncode == 0


def granted(*roles: str, journal: str) -> list[dict[str, Any]]:
    """The rules of roles in k8s/, with another name in the journal's place."""
    found = []
    for name in roles:
        text = (ROOT / "k8s" / "components" / "readiness-rights" / f"{name}.yaml").read_text()
        (role, _) = yaml.safe_load_all(text.replace("readiness-drill-journal", journal))
        found += role["rules"]
    return found


def test_the_roles_in_k8s_are_enough_and_a_right_to_another_name_is_not(cluster: FakeCluster) -> None:
    right, wrong = "readiness-drill-journal", "another"
    rules = {
        "*": ALL, "stage-observe": granted("observe", journal=right),
        "stage-deploy": granted("observe", "deploy", journal=right),
        "stage-drill": granted("observe", "drill", journal=right),
    }  # fmt: skip
    setting(rules=rules)(cluster)
    assert not said(FindingState.PROBLEM)
    setting(rules=rules | {"stage-drill": granted("observe", "drill", journal=wrong)})(cluster)
    (problem,) = said(FindingState.PROBLEM)
    assert "stage-drill may not delete configmaps readiness-drill-journal, get configmaps" in problem.says
