"""The operations' histograms of all replicas, over a span of time."""

import math
from collections import defaultdict

from prometheus_client.parser import text_string_to_metric_families

_NAME = "phantommesh_operation_seconds"
Counts = dict[str, dict[float, float]]


def counts(texts: list[str]) -> Counts:
    """Cumulative bucket counts, summed over replicas: {operation: {upper bound in s: count}}."""
    found: Counts = defaultdict(lambda: defaultdict(float))
    for text in texts:
        for family in text_string_to_metric_families(text):
            if family.name != _NAME:
                continue
            for sample in family.samples:
                if sample.name.endswith("_bucket"):
                    found[sample.labels["operation"]][float(sample.labels["le"])] += sample.value
    return {operation: dict(buckets) for operation, buckets in found.items()}


def between(before: Counts, after: Counts) -> Counts:
    """What was counted in the meantime; replicas must not have been restarted."""
    return {
        operation: {bound: count - before.get(operation, {}).get(bound, 0.0) for bound, count in buckets.items()}
        for operation, buckets in after.items()
    }


def quantile_ms(buckets: dict[float, float], quantile: float) -> tuple[float, float]:
    """A quantile in ms as a bucket knows it: the bounds that it lies between (the upper may be infinite); NaN twice
    when nothing was counted."""
    bounds = sorted(buckets)
    total = buckets[bounds[-1]] if bounds else 0.0
    if total <= 0:
        return math.nan, math.nan
    lower = 0.0
    for bound in bounds:
        if buckets[bound] >= quantile * total:
            return lower * 1e3, bound * 1e3
        lower = bound
    return lower * 1e3, math.inf
