"""How good a model is on what it has not seen. Pure.

The figure that decides is the area under the ROC curve: the probability that a threat scores above a harmless alert.
Its value for guessing is 1/2 whatever the share of threats, so that one threshold means the same on a quiet day and
in an attack; average precision, whose value for guessing is the share of threats itself, is noted beside it. A model
passes only if the whole interval lies at or above the threshold: a lucky small sample does not.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from phantommesh.threat_model.manifest import Metric

RESAMPLES = 400
SEED = 20_240_101
Array = NDArray[np.float64]


def roc_auc(labels: Array, scores: Array) -> float:
    """Area under the ROC curve; equal scores count half (Mann and Whitney, 1947). Both classes must occur."""
    positive = labels == 1.0
    count = int(positive.sum())
    ranks = rankdata(scores)[positive].sum()
    return float((ranks - count * (count + 1) / 2) / (count * (len(labels) - count)))


def average_precision(labels: Array, scores: Array) -> float:
    """Mean of the precision at each threshold, weighted by the recall that it adds; equal scores share a threshold."""
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], np.cumsum(labels[order])
    last_of_each = np.append(np.nonzero(np.diff(ranked))[0], len(ranked) - 1)
    found = hits[last_of_each]
    precision = found / (last_of_each + 1)
    return float(np.sum(precision * np.diff(found, prepend=0.0)) / hits[-1])


def with_interval(figure: Callable[[Array, Array], float], labels: Array, scores: Array) -> Metric:
    """A figure with its 95 % percentile bootstrap interval (Efron, 1979), drawn within each class, by a fixed seed."""
    rng = np.random.Generator(np.random.PCG64(SEED))
    classes = [np.nonzero(labels == value)[0] for value in (0.0, 1.0)]
    drawn = []
    for _ in range(RESAMPLES):
        rows = np.concatenate([rng.choice(members, len(members)) for members in classes])
        drawn.append(figure(labels[rows], scores[rows]))
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Metric(figure(labels, scores), float(low), float(high))
