"""Models as files: kept, promoted, followed, refused."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import lightgbm
import msgspec
import numpy as np
import pytest
from phantommesh.threat_model import manifest as manifests
from phantommesh.threat_model import scorer
from phantommesh.threat_model.current_model import CurrentModel
from phantommesh.threat_model.features import FEATURES
from phantommesh.threat_model.manifest import RULES_ONLY, ModelError
from phantommesh.threat_model.registry import Registry
from phantommesh.threat_model.scorer import Scorer
from phantommesh.threat_model.training.samples import Samples

Second = Callable[[], str]


class Followed:
    """A replica's model, with what it was told."""

    def __init__(self, folder: Path) -> None:
        self.loaded: list[str] = []
        self.refused: list[str] = []
        self.current = CurrentModel(folder, self.loaded.append, self.refused.append)
        self.current.look()

    @property
    def version(self) -> str:
        return self.current.scorer.version


def rewrite(registry: Registry, of: str, changes: dict[str, object]) -> None:
    """Alter a manifest and promote it by hand, as who wants to deceive would."""
    file = registry.folder / of / "manifest.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    draft = registry.folder / "draft"
    draft.write_text(json.dumps({"version": of, "manifest_sha256": digest}))
    draft.replace(registry.pointer_file)


def test_without_a_model_there_is_no_score(tmp_path: Path) -> None:
    replica = Followed(tmp_path / "nothing")
    assert replica.version == RULES_ONLY
    assert replica.current.scorer.score([0.0] * len(FEATURES)) is None
    assert (replica.loaded, replica.refused) == ([], [])


def test_a_replica_follows_promotions_and_goes_back(registry: Registry, second: Second) -> None:
    (first,) = registry.versions()
    replica = Followed(registry.folder)
    assert replica.version == first
    assert not replica.current.look()
    other = second()
    assert replica.current.look()
    assert replica.version == other != first
    for version in (first, RULES_ONLY, other):
        registry.promote(version)
        assert replica.current.look()
        assert replica.version == version
    assert replica.loaded == [first, other, first, RULES_ONLY, other]
    assert replica.refused == []


def test_a_replica_scores_as_the_trainer_does(registry: Registry, samples: Samples) -> None:
    (version,) = registry.versions()
    manifest, model = registry.read(version)
    theirs = lightgbm.Booster(model_str=model.decode()).predict(samples.values, num_threads=1)
    made = Scorer(version, model, len(manifest.features))
    ours = np.array([made.score(row) for row in samples.values])
    assert np.array_equal(ours, theirs)
    assert ours.min() >= 0
    assert ours.max() <= 1
    assert len(np.unique(ours)) > 50


def test_two_scorers_do_not_share_a_row(registry: Registry, samples: Samples) -> None:
    (version,) = registry.versions()
    model = registry.read(version)[1]
    one, other = Scorer(version, model, len(FEATURES)), Scorer(version, model, len(FEATURES))
    low, high = samples.values[samples.labels == 0][0], samples.values[samples.labels == 1][0]
    before = one.score(low)
    assert other.score(high) > before
    one.close()
    one.close()  # twice does no harm
    assert other.score(low) == before


def test_a_row_of_another_length_is_refused(registry: Registry) -> None:
    (version,) = registry.versions()
    made = Scorer(version, registry.read(version)[1], len(FEATURES))
    for length in (0, len(FEATURES) - 1, len(FEATURES) + 1):
        with pytest.raises(ModelError, match=f"{length} features given"):
            made.score([0.0] * length)


def test_a_replica_needs_neither_the_package_nor_numpy(registry: Registry) -> None:
    program = f"""
import pathlib, sys
from phantommesh.threat_model.threat_model import ThreatModel
from phantommesh.config.model import RiskThresholds, ThreatAssessment
model = ThreatModel("r", ThreatAssessment(RiskThresholds(9.0, 7.0, 4.0), 0.7), pathlib.Path({str(registry.folder)!r}))
assert model.look_for_model()
assert 0 <= model.model.scorer.score([0.0] * {len(FEATURES)}) <= 1
print(sorted({{name.split(".")[0] for name in sys.modules}} & {{"lightgbm", "numpy", "scipy", "pydantic", "pandas",
             "yaml", "httpx", "requests", "valkey", "click"}}))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_an_altered_model_is_refused_and_the_old_one_stays(
    registry: Registry, second: Second, caplog: pytest.LogCaptureFixture
) -> None:
    replica = Followed(registry.folder)
    first = replica.version
    other = second()
    path = registry.folder / other / "model.txt"
    path.write_bytes(path.read_bytes().replace(b"leaf_value=", b"leaf_value=9", 1))
    assert not replica.current.look()
    assert replica.version == first
    (reason,) = replica.refused
    assert "sha256 differs" in reason
    assert f"{first} stays in force" in caplog.text
    assert not replica.current.look()
    assert len(replica.refused) == 1  # told once, not each second
    assert Followed(registry.folder).version == RULES_ONLY  # one that starts now has no old one


@pytest.mark.parametrize(
    ("damage", "telling"),
    [
        (lambda folder, version: (folder / version / "model.txt").unlink(), "model.txt cannot be read"),
        (lambda folder, version: (folder / version / "manifest.json").unlink(), "manifest.json cannot be read"),
        (lambda folder, version: (folder / version / "manifest.json").write_text("{}"), "not what was promoted"),
        (lambda folder, _version: (folder / "current").write_text("what"), "not a pointer"),
        (lambda folder, _version: (folder / "current").write_text('{"version": "../x"}'), "not a version"),
        (lambda folder, _version: (folder / "current").write_text('{"version": "none-such"}'), "cannot be read"),
    ],
    ids=["no model", "no manifest", "other manifest", "no pointer", "pointer out of the folder", "pointer to nothing"],
)
def test_a_damaged_folder_is_refused_and_the_old_one_stays(
    registry: Registry, second: Second, damage: Callable[[Path, str], object], telling: str
) -> None:
    replica = Followed(registry.folder)
    first = replica.version
    damage(registry.folder, second())
    assert not replica.current.look()
    assert replica.version == first
    assert [telling in reason for reason in replica.refused] == [True]


@pytest.mark.parametrize(
    ("changes", "telling"),
    [
        ({"feature_set_version": 0}, "takes features alert-and-history 0"),
        ({"features": ["severity"]}, "takes features"),
        ({"schema": 2}, "of another model or schema"),
        ({"version": "another"}, "of another model or schema"),
        ({"samples": "many"}, "cannot be read"),
        ({"colour": "red"}, "cannot be read"),
    ],
)
def test_a_model_of_another_release_is_refused(
    registry: Registry, second: Second, changes: dict[str, object], telling: str
) -> None:
    replica = Followed(registry.folder)
    first = replica.version
    rewrite(registry, second(), changes)
    assert not replica.current.look()
    assert replica.version == first
    assert [telling in reason for reason in replica.refused] == [True]


BAD_TEXTS: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _model: b"",
    "bytes": lambda _model: b"\x00\xff" * 500,
    "half": lambda model: model[: len(model) // 2],
    "regression": lambda model: model.replace(b"objective=binary", b"objective=regression"),
    "more features": lambda model: model.replace(b"max_feature_idx=", b"max_feature_idx=1"),
    "a feature that is none": lambda model: model.replace(b"split_feature=", b"split_feature=q", 1),
    "a leaf too many": lambda model: model.replace(b"num_leaves=15", b"num_leaves=16", 1),
    "wrong sizes": lambda model: model.replace(b"tree_sizes=", b"tree_sizes=9", 1),
    "a child too many": lambda model: model.replace(b"left_child=1 ", b"left_child=0 ", 1).replace(
        b"right_child=", b"right_child=0 ", 1
    ),
}


@pytest.mark.parametrize("name", BAD_TEXTS)
def test_a_text_that_is_no_model_is_refused_where_no_replica_can_die_of_it(
    registry: Registry, second: Second, name: str
) -> None:
    """Its manifest says nothing wrong: the trainer wrote it so. LightGBM ends the process at some of these."""
    replica = Followed(registry.folder)
    first = replica.version
    other = second()
    registry.promote(first)
    model = BAD_TEXTS[name]((registry.folder / other / "model.txt").read_bytes())
    assert model != (registry.folder / other / "model.txt").read_bytes()
    (registry.folder / other / "model.txt").write_bytes(model)
    manifest = msgspec.structs.replace(registry.manifest(other), model_sha256=hashlib.sha256(model).hexdigest())
    (registry.folder / other / "manifest.json").write_bytes(manifests.encode(manifest))
    with pytest.raises(ModelError) as refused:
        registry.promote(other)
    assert "\n" not in str(refused.value)
    assert other in str(refused.value)
    replica.current.look()
    assert replica.version == first


def test_a_library_that_is_missing_is_told_and_the_rules_stay(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(_path: str) -> None:
        raise OSError("libgomp.so.1: cannot open shared object file")

    scorer._library.cache_clear()
    monkeypatch.setattr(scorer.ctypes, "CDLL", missing)
    replica = Followed(registry.folder)
    assert replica.version == RULES_ONLY
    assert ["libgomp" in reason for reason in replica.refused] == [True]


def test_what_did_not_pass_is_not_promoted(registry: Registry, second: Second) -> None:
    (first,) = registry.versions()
    other = second()
    registry.promote(first)
    manifest = registry.manifest(other)
    failed = msgspec.structs.replace(manifest, evaluation=msgspec.structs.replace(manifest.evaluation, passed=False))
    (registry.folder / other / "manifest.json").write_bytes(manifests.encode(failed))
    with pytest.raises(ModelError, match="did not pass its evaluation"):
        registry.promote(other)
    pointer = registry.pointer()
    assert pointer is not None
    assert pointer.version == first


def test_a_version_is_written_once(registry: Registry) -> None:
    (version,) = registry.versions()
    manifest, model = registry.read(version)
    with pytest.raises(ModelError, match="is there already"):
        registry.add(manifest, model + b"x")
    assert registry.read(version)[1] == model
    assert sorted(item.name for item in registry.folder.iterdir()) == sorted([version, "current"])


def test_a_pointer_is_replaced_whole(registry: Registry, second: Second, monkeypatch: pytest.MonkeyPatch) -> None:
    (first,) = registry.versions()
    other = second()
    registry.promote(first)
    before = registry.pointer_file.read_bytes()

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        registry.promote(other)
    assert registry.pointer_file.read_bytes() == before
    assert sorted(item.name for item in registry.folder.iterdir()) == sorted([first, other, "current"])
