"""What is written down about a model beside it, and what makes it unusable here."""

import hashlib

import msgspec

from phantommesh.threat_model.features import FEATURE_SET, FEATURE_SET_VERSION, FEATURES

SCHEMA = 1
RULES_ONLY = "rules-only"
"""The version that stands for no model."""


class ModelError(ValueError):
    """A model cannot be used; the message is one line: which, why, what to do."""


class Metric(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A figure of the held-out part with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


class Evaluation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the model did on what it had not seen. passed: the whole interval of ROC AUC lies at or above threshold.

    split_time_ns: alerts received from then on (epoch) were held out. holdout_analyst_labels: how many of them a person
    had judged; the other labels are the rules' own, so for them the figures say how well the model agrees with the
    rules on later alerts, not how often either is right. new_signatures: how many held-out alerts have a signature that
    was not fitted, and new_signatures_roc_auc how the model did on these alone (null: not both classes among them)."""

    roc_auc: Metric
    average_precision: Metric
    threshold: float
    passed: bool
    split_time_ns: int
    holdout_samples: int
    holdout_positives: int
    holdout_analyst_labels: int
    new_signatures: int
    new_signatures_roc_auc: Metric | None


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything about a model but the model. data_sha256: over the samples in order (values, label, weight)."""

    schema: int
    version: str
    created_at_ns: int
    model_sha256: str
    feature_set: str
    feature_set_version: int
    features: tuple[str, ...]
    data_sha256: str
    samples: int
    positives: int
    analyst_labels: int
    trainer: str
    parameters: dict[str, int | float | str | bool]
    evaluation: Evaluation


def encode(manifest: Manifest) -> bytes:
    """As it is written to manifest.json."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"


def decode(raw: bytes, version: str) -> Manifest:
    """The manifest of a version. Raises ModelError when it is not one, or not of that version."""
    try:
        manifest = msgspec.json.decode(raw, type=Manifest)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ModelError(f"model {version}: its manifest cannot be read ({error}); train or promote another") from error
    if manifest.schema != SCHEMA or manifest.version != version:
        raise ModelError(f"model {version}: its manifest is of another model or schema; train or promote another")
    return manifest


def require_usable(manifest: Manifest, model: bytes) -> None:
    """Raises ModelError unless the model is the one of the manifest and takes the features of this release."""
    name = f"model {manifest.version}"
    if hashlib.sha256(model).hexdigest() != manifest.model_sha256:
        raise ModelError(f"{name}: model.txt is not what was trained (sha256 differs); train or promote another")
    ours = (FEATURE_SET, FEATURE_SET_VERSION, FEATURES)
    if (manifest.feature_set, manifest.feature_set_version, manifest.features) != ours:
        raise ModelError(
            f"{name}: takes features {manifest.feature_set} {manifest.feature_set_version}, this release computes "
            f"{FEATURE_SET} {FEATURE_SET_VERSION}; train another"
        )
