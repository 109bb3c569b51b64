"""Percentiles and their intervals: exact by theory, by simulation, and honest where they cannot exist."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from readiness.analysis.bound import AtLeast
from readiness.analysis.percentile import interval_ranks, largest, observations_needed, percentile
from scipy.stats import binom, expon

QUANTILES = st.sampled_from([0.5, 0.9, 0.95, 0.99, 0.999])
CONFIDENCES = st.sampled_from([0.8, 0.9, 0.95, 0.99, 0.999])


@given(n=st.integers(1, 200_000), quantile=QUANTILES, confidence=CONFIDENCES)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_the_ranks_cover_exactly_as_much_as_asked_and_no_narrower_ones_do(
    n: int, quantile: float, confidence: float
) -> None:
    ranks = interval_ranks(n, quantile, confidence)
    assert (ranks is None) == (n < observations_needed(quantile, confidence))
    if ranks is None:
        return
    low, high = ranks
    tail = (1 - confidence) / 2
    # P(X_(r) > q-quantile) = P(fewer than r observations lie at or below it)
    assert binom.cdf(low - 1, n, quantile) <= tail * (1 + 1e-9)
    assert binom.sf(high - 1, n, quantile) <= tail * (1 + 1e-9)
    assert binom.cdf(low, n, quantile) > tail * (1 - 1e-9)
    assert binom.sf(high - 2, n, quantile) > tail * (1 - 1e-9)


@pytest.mark.parametrize(("quantile", "n"), [(0.5, 60), (0.95, 400), (0.99, 1200)])
def test_simulated_coverage_on_exponential_samples_is_nominal(quantile: float, n: int) -> None:
    rng = np.random.default_rng(20)
    low, high = interval_ranks(n, quantile, 0.95) or (0, 0)
    samples = np.sort(rng.exponential(1, (4000, n)), axis=1)
    true = expon.ppf(quantile)
    covered = float(np.mean((samples[:, low - 1] <= true) & (true <= samples[:, high - 1])))
    assert covered >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / 4000)
    assert covered <= 0.975


def test_a_known_case_the_median_of_ten() -> None:
    # Conover, "Practical Nonparametric Statistics": X(2) to X(9) covers the median of ten with 97.9 %.
    found = percentile(np.arange(1.0, 11.0), 0.5, 0.95)
    assert found.value == 5
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == (2, 9)


@pytest.mark.parametrize(("n", "exists"), [(71, False), (72, True)])
def test_a_sample_too_small_has_a_value_but_no_interval_and_says_what_it_needs(n: int, exists: bool) -> None:
    found = percentile(np.arange(float(n)), 0.95, 0.95)
    assert found.value is not None
    assert (found.interval is not None) is exists
    assert exists or f"needs at least 72 observations, has {n}" in found.note


def test_order_of_the_observations_does_not_matter() -> None:
    values = np.random.default_rng(1).exponential(1, 1000)
    assert percentile(values, 0.95, 0.95) == percentile(values[::-1].copy(), 0.95, 0.95)


def with_endless(n: int, endless: int) -> np.ndarray:
    return np.concatenate([np.linspace(0.1, 1, n - endless), np.full(endless, np.inf)])


def test_a_percentile_among_those_without_end_is_infinite_and_names_them() -> None:
    found = percentile(with_endless(1000, 60), 0.95, 0.95, endless="requests without success")
    assert isinstance(found, AtLeast)
    assert (found.value, found.bound, found.note) == (None, np.inf, "60 of 1000 requests without success")


def test_an_interval_that_reaches_into_those_without_end_is_none() -> None:
    found = percentile(with_endless(1000, 45), 0.95, 0.95)
    assert found.value is not None
    assert found.interval is None
    assert "upper end" in found.note


def test_few_without_end_leave_the_percentile_as_it_is_but_noted() -> None:
    found = percentile(with_endless(1000, 5), 0.95, 0.95)
    assert found.interval is not None
    assert found.note.startswith("5 of 1000")


def test_the_maximum_is_exact_unless_something_never_ended() -> None:
    assert largest(np.array([1.0, 3.0, 2.0])).value == 3
    assert largest(np.array([1.0, 3.0, 2.0])).interval is None
    assert isinstance(largest(np.array([1.0, np.inf])), AtLeast)


def test_nothing_observed_has_no_value() -> None:
    assert percentile(np.empty(0), 0.95, 0.95).value is None
    assert largest(np.empty(0)).value is None
