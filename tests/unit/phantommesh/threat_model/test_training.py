"""Training: labels, figures, what is the same each time, and what is refused."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phantommesh.automation.events import Observation
from phantommesh.config.model import ThreatAssessment
from phantommesh.threat_model.features import FEATURES
from phantommesh.threat_model.registry import Registry
from phantommesh.threat_model.training.evaluation import average_precision, roc_auc, with_interval
from phantommesh.threat_model.training.failure import DataError, TrainingError
from phantommesh.threat_model.training.recordings import read_recordings
from phantommesh.threat_model.training.samples import ANALYST_WEIGHT, Samples, make_samples
from phantommesh.threat_model.training.train import train
from recorded_alerts import FOLDER, START_NS, drawn_alerts

QUARTERS = st.lists(st.tuples(st.booleans(), st.integers(0, 4)), min_size=2, max_size=40).filter(
    lambda rows: len({threat for threat, _ in rows}) == 2
)


@settings(deadline=None)
@given(QUARTERS)
def test_the_area_is_the_share_of_pairs_in_the_right_order(rows: list[tuple[bool, int]]) -> None:
    labels, scores = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    pairs = [(a > b) + (a == b) / 2 for a in scores[labels == 1] for b in scores[labels == 0]]
    assert roc_auc(labels, scores) == pytest.approx(sum(pairs) / len(pairs))


@settings(deadline=None)
@given(QUARTERS)
def test_average_precision_is_as_its_definition_has_it(rows: list[tuple[bool, int]]) -> None:
    labels, scores = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    expected, recall = 0.0, 0.0
    for threshold in sorted(set(scores), reverse=True):
        taken = scores >= threshold
        now = labels[taken].sum() / labels.sum()
        expected += labels[taken].mean() * (now - recall)
        recall = now
    assert average_precision(labels, scores) == pytest.approx(expected)


def test_an_interval_holds_its_value_and_narrows_with_more_samples() -> None:
    rng = np.random.default_rng(5)
    widths = []
    for count in (100, 10_000):
        labels = (rng.random(count) < 0.3).astype(float)
        found = with_interval(roc_auc, labels, labels + rng.normal(0, 1, count))
        assert found.low <= found.value <= found.high
        widths.append(found.high - found.low)
    assert widths[1] < widths[0] / 5


def test_a_persons_word_goes_before_the_rules(events: list[Observation], settings: ThreatAssessment) -> None:
    weak = make_samples(events[:4], [None] * 4, settings)
    said: list[str | None] = ["false_positive", "true_positive", None, "something else"]
    judged = make_samples(events[:4], said, settings)
    assert judged.labels[:2].tolist() == [0.0, 1.0]
    assert judged.labels[2:].tolist() == weak.labels[2:].tolist()
    assert judged.weights.tolist() == [ANALYST_WEIGHT, ANALYST_WEIGHT, 1.0, 1.0]
    assert judged.by_analyst.tolist() == [True, True, False, False]
    assert judged.digest() != weak.digest()


def test_samples_have_the_history_of_the_hours_before(samples: Samples) -> None:
    sent = samples.values[:, FEATURES.index("src_sent_day")]
    assert not sent[:60].any()  # nothing is closed in the first hour
    assert sent[200:].mean() > 1


def test_the_order_in_which_events_are_read_changes_nothing(
    events: list[Observation], samples: Samples, settings: ThreatAssessment
) -> None:
    again = make_samples(events[::-1], [None] * len(events), settings)
    assert again.digest() == samples.digest()


def test_the_same_samples_give_the_same_model(samples: Samples, tmp_path: Path) -> None:
    found = [train(samples, Registry(tmp_path / name)).manifest for name in ("a", "b")]
    assert found[0].model_sha256 == found[1].model_sha256
    assert found[0].evaluation == found[1].evaluation
    assert found[0].data_sha256 == samples.digest()


def test_a_model_is_judged_on_what_came_later(trained: tuple[str, Path], samples: Samples) -> None:
    manifest = Registry(trained[1]).manifest(trained[0])
    later = samples.received_at_ns >= manifest.evaluation.split_time_ns
    assert manifest.evaluation.holdout_samples == later.sum() == 375
    assert manifest.evaluation.holdout_positives == samples.labels[later].sum()
    assert manifest.samples == len(samples)


def test_alerts_with_the_time_of_the_split_are_not_on_both_sides(samples: Samples, tmp_path: Path) -> None:
    same = samples.received_at_ns.copy()
    same[1100:1200] = same[1100]
    tied = Samples(samples.values, samples.labels, samples.weights, same, samples.signature_ids, samples.by_analyst)
    assert train(tied, Registry(tmp_path)).manifest.evaluation.holdout_samples == 400


def test_what_cannot_be_learnt_is_kept_but_not_promoted(samples: Samples, tmp_path: Path) -> None:
    labels = np.random.default_rng(1).integers(0, 2, len(samples)).astype(float)
    noise = Samples(samples.values, labels, samples.weights, samples.received_at_ns, samples.signature_ids,
                    samples.by_analyst)  # fmt: skip
    registry = Registry(tmp_path)
    outcome = train(noise, registry)
    assert not outcome.promoted
    assert outcome.manifest.evaluation.roc_auc.low < 0.5 < outcome.manifest.evaluation.roc_auc.high
    assert registry.versions() == [outcome.manifest.version]
    assert registry.pointer() is None


def test_a_good_value_with_a_wide_interval_does_not_pass(samples: Samples, tmp_path: Path) -> None:
    first = train(samples, Registry(tmp_path / "a")).manifest.evaluation.roc_auc
    noisy = samples.labels.copy()
    flipped = np.random.default_rng(1).random(len(noisy)) < 0.08
    noisy[flipped] = 1 - noisy[flipped]
    harder = Samples(samples.values, noisy, samples.weights, samples.received_at_ns, samples.signature_ids,
                     samples.by_analyst)  # fmt: skip
    found = train(harder, Registry(tmp_path / "b")).manifest.evaluation.roc_auc
    assert found.low < found.value < first.value
    between = (found.low + found.value) / 2
    assert not train(harder, Registry(tmp_path / "c"), threshold=between).promoted


def test_too_few_samples_or_one_class_only_are_refused(samples: Samples, tmp_path: Path) -> None:
    few = samples.part(np.arange(len(samples)) < 999)
    with pytest.raises(DataError, match="999 samples, at least 1000"):
        train(few, Registry(tmp_path))
    for value, telling in ((0.0, "no threat"), (1.0, "nothing but threats")):
        for name, later in (("earlier", samples.received_at_ns < 0), ("later", samples.received_at_ns > 0)):
            labels = np.where(later, value, samples.labels)
            if name == "earlier":
                labels = np.full(len(samples), value)
            one = Samples(samples.values, labels, samples.weights, samples.received_at_ns, samples.signature_ids,
                          samples.by_analyst)  # fmt: skip
            with pytest.raises(DataError, match=telling):
                train(one, Registry(tmp_path))
    assert Registry(tmp_path).versions() == []


def test_recordings_are_read_as_array_and_as_lines_each_event_once(tmp_path: Path) -> None:
    lines = drawn_alerts(20)
    flow = b'{"event_type": "flow", "timestamp": "2026-01-01T00:00:00.000000+0000"}'
    (tmp_path / "a.ndjson").write_bytes(b"\n".join([*lines, b"", flow, lines[0]]))
    (tmp_path / "b.json").write_bytes(b"[" + b",\n".join(lines[:5]) + b"]")
    read = read_recordings([tmp_path / "a.ndjson", tmp_path / "b.json"])
    assert len(read) == 20
    assert read[0].received_at_ns == START_NS
    assert len(read_recordings(sorted(FOLDER.glob("*.json")))) == 343


GOOD = json.loads(drawn_alerts(1)[0])


@pytest.mark.parametrize(
    ("content", "telling"),
    [
        ("[", "not JSON"),
        ("{", "line 1: not an EVE record"),
        (f"\n{json.dumps(GOOD)}\n{json.dumps(GOOD | {'src_ip': 'nobody'})}", "line 3: src_ip: 'nobody'"),
        (json.dumps([GOOD, GOOD | {"timestamp": "yesterday"}]), "record 1: timestamp: 'yesterday'"),
        (json.dumps([{"event_type": "alert"}]), "record 0: timestamp"),
        ("[1]", "record 0: not an EVE record"),
    ],
)
def test_a_bad_recording_is_refused_with_file_and_place(tmp_path: Path, content: str, telling: str) -> None:
    path = tmp_path / "alerts.json"
    path.write_text(content)
    with pytest.raises(TrainingError) as refused:
        read_recordings([path])
    assert telling in str(refused.value)
    assert str(path) in str(refused.value)


def command(*arguments: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "phantommesh", *map(str, arguments)], capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[4] / "include")}, timeout=120,
    )  # fmt: skip


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recording") / "alerts.ndjson"
    path.write_bytes(b"\n".join(drawn_alerts(1200)))
    return path


def test_the_command_trains_lists_and_goes_back(recording: Path, tmp_path: Path) -> None:
    done = command("train", "--events", recording, "--models", tmp_path, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    outcome = json.loads(done.stdout)
    assert (outcome["promoted"], outcome["samples"]) == (True, 1200)
    listed = json.loads(command("models", "list", "--models", tmp_path, "--json").stdout)
    assert listed["current"] == outcome["version"]
    assert [item["passed"] for item in listed["models"]] == [True]
    back = command("models", "promote", "rules-only", "--models", tmp_path)
    assert (back.returncode, back.stdout) == (0, "in force: rules-only\n")
    assert "in force: rules-only" in command("models", "list", "--models", tmp_path).stdout
    assert command("models", "promote", outcome["version"], "--models", tmp_path).returncode == 0


def test_a_model_that_does_not_pass_ends_with_3(tmp_path: Path) -> None:
    """The rules judge by the signature's text; here it is far behind what the model reads of it."""
    lines = [json.loads(line) for line in drawn_alerts(1200)]
    for number, line in enumerate(lines):
        sign = "WebShell" if number * 7919 % 13 < 6 else "nothing"
        line["alert"] = {"signature_id": 1, "signature": "x " * 300 + sign, "category": "", "severity": 2}
        line["src_ip"], line["dest_ip"], line["dest_port"] = f"192.0.2.{number % 250}", "198.51.100.1", 80
    path = tmp_path / "alerts.ndjson"
    path.write_text("\n".join(map(json.dumps, lines)))
    done = command("train", "--events", path, "--models", tmp_path / "m")
    assert (done.returncode, done.stderr) == (3, "")
    assert done.stdout.startswith("not promoted: ")
    assert "0.85 is needed" in done.stdout
    listed = command("models", "list", "--models", tmp_path / "m").stdout
    assert listed.startswith("in force: rules-only\n")
    assert "did not pass" in listed
    refused = command("models", "promote", listed.split()[3], "--models", tmp_path / "m")
    assert refused.returncode == 1
    assert "did not pass its evaluation" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "telling"),
    [
        (("--events", "{few}", "--models", "{m}"), 4, "343 samples, at least 1000 are needed"),
        (("--events", "{bad}", "--models", "{m}"), 1, "not an EVE record"),
        (("--events", "{none}", "--models", "{m}"), 1, "cannot be read"),
        (("--state", "{m}"), 1, "no platform runs there"),
        (("--events", "{few}"), 2, "name the models folder"),
        (("--models", "{m}"), 2, "name either --events FILE or --state DIR"),
        (("--events", "{few}", "--state", "{m}"), 2, "name either"),
        (("--events", "{recording}", "--models", "/proc/nothing"), 1, "choose another models folder"),
    ],
)
def test_what_fails_says_so_in_one_line(
    recording: Path, tmp_path: Path, arguments: tuple[str, ...], code: int, telling: str
) -> None:
    alerts = [alert for file in sorted(FOLDER.glob("*.json")) for alert in json.loads(file.read_text())]
    (tmp_path / "few.json").write_text(json.dumps(alerts))
    (tmp_path / "bad.json").write_text("bad")
    places = {"few": tmp_path / "few.json", "bad": tmp_path / "bad.json", "none": tmp_path / "none.json",
              "m": tmp_path / "m", "recording": recording}  # fmt: skip
    done = command("train", *[argument.format(**places) for argument in arguments])
    assert done.returncode == code
    assert telling in done.stderr
    assert "Traceback" not in done.stderr
    if code != 2:  # the usage is click's own few lines
        assert done.stderr.count("\n") == 1
        assert done.stderr.startswith("phantommesh: ")
