"""Checkov finds nothing in any environment, and finds what is planted. What it leaves out is in .checkov.yaml or
beside the object, with the reason.

READINESS_REQUIRE_CHECKOV=1 makes a Checkov that cannot be installed a failure instead of a skip.
"""

import copy
import os
import re
from pathlib import Path

import pytest
import yaml

from manifests import checkov
from manifests.rendering import ENVIRONMENTS, K8S, rendered


@pytest.fixture(scope="module")
def answer(k8s: Path) -> str:
    """Checkov's, on every environment and on one in which a container may do everything."""
    objects = {environment: rendered(k8s, environment) for environment in ENVIRONMENTS}
    planted = copy.deepcopy(next(item for item in objects["dev"] if item["kind"] == "Deployment"))
    planted["spec"]["template"]["spec"]["containers"][0]["securityContext"] = {"privileged": True}
    try:
        return checkov.ask({**objects, "planted": [planted]}).stdout
    except checkov.CannotInstallError as error:
        if os.environ.get("READINESS_REQUIRE_CHECKOV") == "1":
            pytest.fail(f"READINESS_REQUIRE_CHECKOV=1, but Checkov cannot be installed: {error}")
        pytest.skip(f"Checkov cannot be installed, or set READINESS_REQUIRE_CHECKOV=1 to insist: {error}")


@pytest.mark.timeout(checkov.INSTALL_LIMIT_S + checkov.ASK_LIMIT_S)
def test_nothing_fails_but_what_is_planted(answer: str) -> None:
    files = set(re.findall(r"File: /([a-z]+)\.yaml", answer))
    assert files == {"planted"}, answer
    passed = re.search(r"Passed checks: (\d+)", answer)
    assert passed is not None
    assert int(passed[1]) > 1500, answer
    assert "CKV_K8S_16" in answer  # privileged


def test_everything_that_is_left_out_has_a_reason() -> None:
    for line in (K8S.parent / ".checkov.yaml").read_text().splitlines():
        if line.strip().startswith("- CKV"):
            assert re.fullmatch(r"\s+- CKV\w+  # .{20,}", line), line
    for file in K8S.rglob("*.yaml"):
        if "charts" in file.parts or "checkov.io" not in file.read_text():
            continue
        for item in yaml.safe_load_all(file.read_text()):
            for key, value in item["metadata"].get("annotations", {}).items():
                assert not key.startswith("checkov.io/skip") or re.fullmatch(r"CKV\w+=.{20,}", value), f"{file}: {key}"
