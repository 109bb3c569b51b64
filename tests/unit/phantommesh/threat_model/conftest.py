"""One small model for all tests here, trained once."""

from collections.abc import Callable
from pathlib import Path

import pytest
from phantommesh.automation.events import Observation, observe
from phantommesh.config.load import PRODUCTION, load
from phantommesh.config.model import ThreatAssessment
from phantommesh.threat_model.registry import Registry
from phantommesh.threat_model.training.samples import Samples, make_samples
from phantommesh.threat_model.training.train import train
from recorded_alerts import MINUTE_NS, START_NS, drawn_alerts

COUNT = 1500


@pytest.fixture(scope="session")
def settings() -> ThreatAssessment:
    return load(PRODUCTION, {}).threat_assessment


@pytest.fixture(scope="session")
def events() -> list[Observation]:
    """Observations one minute apart, received when they were made."""
    return [observe(body, START_NS + seq * MINUTE_NS) for seq, body in enumerate(drawn_alerts(COUNT))]


@pytest.fixture(scope="session")
def samples(events: list[Observation], settings: ThreatAssessment) -> Samples:
    return make_samples(events, [None] * len(events), settings)


@pytest.fixture(scope="session")
def trained(samples: Samples, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """Version and folder of a promoted model. Not to be changed."""
    registry = Registry(tmp_path_factory.mktemp("models"))
    outcome = train(samples, registry)
    assert outcome.promoted
    return outcome.manifest.version, registry.folder


@pytest.fixture
def registry(trained: tuple[str, Path], tmp_path: Path) -> Registry:
    """A models folder of this test's own, with that model, promoted."""
    import shutil

    shutil.copytree(trained[1], tmp_path / "models")
    return Registry(tmp_path / "models")


@pytest.fixture
def second(samples: Samples, registry: Registry) -> Callable[[], str]:
    """Trains another model that comes into force; returns its version."""

    def make() -> str:
        return train(samples.part(samples.received_at_ns % 7 != 0), registry).manifest.version

    return make
