"""The environments, rendered once."""

from pathlib import Path

import pytest

from manifests.objects import Manifests
from manifests.rendering import ENVIRONMENTS, rendered, with_example_secrets


@pytest.fixture(scope="session")
def k8s(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of k8s/ with the examples of its secrets in place."""
    return with_example_secrets(tmp_path_factory.mktemp("manifests"))


@pytest.fixture(scope="session", params=ENVIRONMENTS)
def manifests(request: pytest.FixtureRequest, k8s: Path) -> Manifests:
    """One environment's objects."""
    return Manifests(request.param, rendered(k8s, request.param))
