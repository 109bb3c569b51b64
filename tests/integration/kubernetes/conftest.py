"""A cluster that is a file, in place of a real one."""

from functools import cache
from pathlib import Path

import pytest
from fake_cluster.bench import Bench
from fake_cluster.cluster import FakeCluster
from readiness.clients.kubernetes import target as target_module
from readiness.clients.kubernetes.rendering import rendered

rendered_once = cache(rendered)


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    """Found in kubectl's place."""
    made = FakeCluster(tmp_path)
    for name, value in made.variables.items():
        monkeypatch.setenv(name, value)
    return made


@pytest.fixture
def bench(fake: FakeCluster) -> Bench:
    return Bench(fake)


@pytest.fixture
def cluster(fake: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    """For whole releases."""
    monkeypatch.setattr(target_module, "rendered", rendered_once)  # the overlay is the same each time
    monkeypatch.setattr(target_module, "require_reachable", lambda *_: None)  # nothing serves the fake's pods
    return fake
