"""The ingress in an environment file: what is legal, what is said of what is not, and what follows from it."""

from pathlib import Path

import pytest
from readiness.model.document import from_json, to_json
from readiness.model.environment_kinds import AnyEnvironment
from readiness.model.ingress import Elsewhere
from readiness.model.kubernetes_environment import KubernetesEnvironment
from readiness.model.probe_path import label, probed_paths, words
from readiness.spec.files import read_environment
from readiness.spec.problem import SpecError

DEV = (Path(__file__).parents[2] / "scenarios" / "environments" / "dev.yaml").read_text()
INGRESS = """\
  ingress:
    url: https://198.18.0.10:30443
    host: phantommesh.example
    certificate: {env: READINESS_INGRESS_CERTIFICATE}
    user: {env: READINESS_INGRESS_USER}
    password: {file: /run/secrets/ingress}
    secret: readiness-ingress
"""
GOOD = DEV.replace("  clock_uncertainty:", INGRESS + "  clock_uncertainty:")


def read(tmp_path: Path, text: str) -> KubernetesEnvironment:
    path = tmp_path / "dev.yaml"
    path.write_text(text)
    found = read_environment(path)
    assert isinstance(found, KubernetesEnvironment)
    return found


def test_an_environment_may_name_its_ingress(tmp_path: Path) -> None:
    found = read(tmp_path, GOOD)
    assert found.has_ingress
    assert found.cluster.ingress is not None
    assert found.cluster.ingress.host == "phantommesh.example"
    assert from_json(AnyEnvironment, to_json(found)) == found


def test_without_it_everything_is_as_before(tmp_path: Path) -> None:
    assert not read(tmp_path, DEV).has_ingress
    local = Path(__file__).parents[2] / "scenarios" / "environments" / "local.yaml"
    assert not read_environment(local).has_ingress


@pytest.mark.parametrize("name", ["staging", "prod"])
def test_what_customers_get_is_verified_and_probed_through_the_way_in(name: str) -> None:
    found = read_environment(Path(__file__).parents[2] / "scenarios" / "environments" / f"{name}.yaml")
    assert isinstance(found, KubernetesEnvironment)
    ingress = found.cluster.ingress
    assert ingress is not None
    assert (ingress.certificate, ingress.unverified) == (None, None)  # a public authority
    assert (ingress.user, ingress.password) == (
        Elsewhere(env="READINESS_INGRESS_USER"), Elsewhere(env="READINESS_INGRESS_PASSWORD"),
    )  # fmt: skip
    assert ingress.secret == "readiness-ingress"  # noqa: S105  the name of one


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("https://198.18.0.10:30443", "http://198.18.0.10:30443", "cluster.ingress.url: String should match pattern"),
        ("https://198.18", "https://operator:secret@198.18", "cluster.ingress.url: String should match pattern"),
        ("30443\n", "30443/v1\n", "cluster.ingress.url: String should match pattern"),
        ("    host: phantommesh.example\n", "", "cluster.ingress.host: this key is missing"),
        ("host: phantommesh.example", "host: Phantom_Mesh", "cluster.ingress.host: String should match pattern"),
        ("{env: READINESS_INGRESS_USER}", "release", "cluster.ingress.user: Input should be a valid dictionary"),
        ("READINESS_INGRESS_USER", "AWS_SECRET_ACCESS_KEY", "cluster.ingress.user.env: String should match pattern"),
        ("{env: READINESS_INGRESS_USER}", "{}", "cluster.ingress.user: write either {env: READINESS_NAME} or"),
        ("/run/secrets/ingress}", "secrets/ingress}", "cluster.ingress.password.file: String should match pattern"),
        ("{file: /run/secrets/ingress}", "{file: /a, env: READINESS_A}", "cluster.ingress.password: write either"),
        ("    user: {env: READINESS_INGRESS_USER}\n", "", "cluster.ingress: user and password: both, or neither"),
        ("    user:", "    unverified: it is only mine\n    user:", "cluster.ingress: certificate and unverified: one"),
        (
            "    secret:",
            "    secrets: a\n    secret:",
            "unknown key; legal keys are url, host, certificate, unverified",
        ),
        ("secret: readiness-ingress", "secret: No_Name", "cluster.ingress.secret: String should match pattern"),
    ],
)
def test_each_problem_is_one_line_with_its_place(tmp_path: Path, old: str, new: str, problem: str) -> None:
    assert old in GOOD
    with pytest.raises(SpecError) as refused:
        read(tmp_path, GOOD.replace(old, new, 1))
    assert problem in str(refused.value)
    assert len(refused.value.problems) == 1
    assert "dev.yaml:" in str(refused.value)


def test_nobody_is_believed_without_a_reason(tmp_path: Path) -> None:
    line = "    certificate: {env: READINESS_INGRESS_CERTIFICATE}\n"
    assert read(tmp_path, GOOD.replace(line, "    unverified: a cluster of this machine alone\n")).has_ingress
    with pytest.raises(SpecError, match=r"cluster\.ingress\.unverified: String should have at least 10"):
        read(tmp_path, GOOD.replace(line, '    unverified: "yes"\n'))


def test_there_are_four_paths_or_eight_each_with_a_name_of_its_own() -> None:
    assert len(probed_paths(ingress=False)) == 4
    paths = probed_paths(ingress=True)
    assert len(paths) == 8
    assert paths[:4] == probed_paths(ingress=False)
    for name in (words, label):
        assert len({name(*path) for path in paths}) == 8
    assert words("ingress-write", "reused") == "write through the ingress over reused connections"
    assert label("ingress-write", "reused") == "ingress: write, kept connections"
