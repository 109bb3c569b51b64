"""From samples to a kept, evaluated and - if it passes - promoted model."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from phantommesh.threat_model.features import FEATURE_SET, FEATURE_SET_VERSION, FEATURES
from phantommesh.threat_model.manifest import SCHEMA, Evaluation, Manifest
from phantommesh.threat_model.registry import Registry
from phantommesh.threat_model.scorer import Scorer
from phantommesh.threat_model.training.evaluation import average_precision, roc_auc, with_interval
from phantommesh.threat_model.training.failure import DataError, TrainingError
from phantommesh.threat_model.training.samples import Samples

MIN_SAMPLES = 1000
EVAL_THRESHOLD = 0.85
HOLDOUT_SHARE = 0.25
ROUNDS = 120
PARAMETERS: dict[str, int | float | str | bool] = {
    "objective": "binary", "learning_rate": 0.08, "num_leaves": 15, "min_data_in_leaf": 20, "lambda_l2": 1.0,
    # The same samples give the same model, to the byte.
    "deterministic": True, "force_row_wise": True, "num_threads": 1, "seed": 1, "verbosity": -1,
}  # fmt: skip
_SAME = 1e-12


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a training."""

    manifest: Manifest
    promoted: bool


def train(
    samples: Samples, registry: Registry, *, min_samples: int = MIN_SAMPLES, threshold: float = EVAL_THRESHOLD,
    clock_ns: Callable[[], int] = time.time_ns,
) -> Outcome:  # fmt: skip
    """Fit on the earlier part, evaluate on the later, keep the model, promote it if it passed.

    The split is by time, as in use: a model meets what comes after it. Raises DataError, TrainingError, ModelError."""
    fitted, held_out = _split(samples, min_samples)
    model = _fit(fitted)
    digest = hashlib.sha256(model).hexdigest()
    created_at_ns = clock_ns()
    version = f"{datetime.fromtimestamp(created_at_ns // 1_000_000_000, UTC):%Y%m%dT%H%M%SZ}-{digest[:8]}"
    evaluation = _evaluate(Scorer(version, model, len(FEATURES)), fitted, held_out, threshold)
    import lightgbm

    manifest = Manifest(
        schema=SCHEMA, version=version, created_at_ns=created_at_ns, model_sha256=digest, feature_set=FEATURE_SET,
        feature_set_version=FEATURE_SET_VERSION, features=FEATURES, data_sha256=samples.digest(), samples=len(samples),
        positives=int(samples.labels.sum()), analyst_labels=int(samples.by_analyst.sum()),
        trainer=f"lightgbm {lightgbm.__version__}", parameters={**PARAMETERS, "rounds": ROUNDS}, evaluation=evaluation,
    )  # fmt: skip
    registry.add(manifest, model)
    if evaluation.passed:
        registry.promote(version)
    return Outcome(manifest, evaluation.passed)


def _split(samples: Samples, min_samples: int) -> tuple[Samples, Samples]:
    count = len(samples)
    if count < min_samples:
        raise DataError(f"{count} samples, at least {min_samples} are needed; record more alerts")
    split_time_ns = int(samples.received_at_ns[int(count * (1 - HOLDOUT_SHARE))])
    later = samples.received_at_ns >= split_time_ns
    parts = samples.part(~later), samples.part(later)
    for name, part in zip(("earlier", "later"), parts, strict=True):
        threats = int(part.labels.sum())
        if threats in (0, len(part)):
            what = "no alert at all" if not len(part) else "no threat" if not threats else "nothing but threats"
            raise DataError(f"the {name} part of the samples holds {what}; both are needed: record over a longer time")
    return parts


def _fit(samples: Samples) -> bytes:
    import lightgbm

    data = lightgbm.Dataset(
        samples.values, samples.labels, weight=samples.weights, feature_name=list(FEATURES), params=dict(PARAMETERS)
    )
    booster = lightgbm.train(dict(PARAMETERS), data, num_boost_round=ROUNDS)
    text: bytes = booster.model_to_string().encode()
    # A replica computes by another way than the trainer does: what is promoted must be what was fitted.
    scorer = Scorer("new", text, len(FEATURES))
    some = samples.values[:: max(1, len(samples) // 200)]
    apart = np.abs(booster.predict(some, num_threads=1) - [scorer.score(row) for row in some]).max()
    if apart > _SAME:
        raise TrainingError(f"trainer and replica compute scores {apart:g} apart; is lightgbm installed whole?")
    return text


def _evaluate(scorer: Scorer, fitted: Samples, held_out: Samples, threshold: float) -> Evaluation:
    scores = np.array([scorer.score(row) for row in held_out.values.tolist()], dtype=np.float64)
    area = with_interval(roc_auc, held_out.labels, scores)
    new = ~np.isin(held_out.signature_ids, fitted.signature_ids)
    both = len(np.unique(held_out.labels[new])) == 2
    return Evaluation(
        roc_auc=area,
        average_precision=with_interval(average_precision, held_out.labels, scores),
        threshold=threshold,
        passed=area.low >= threshold,
        split_time_ns=int(held_out.received_at_ns[0]),
        holdout_samples=len(held_out),
        holdout_positives=int(held_out.labels.sum()),
        holdout_analyst_labels=int(held_out.by_analyst.sum()),
        new_signatures=int(new.sum()),
        new_signatures_roc_auc=with_interval(roc_auc, held_out.labels[new], scores[new]) if both else None,
    )
