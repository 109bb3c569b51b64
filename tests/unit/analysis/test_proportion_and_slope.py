"""Shares and trends against known values and planted truths."""

import numpy as np
import pytest
from readiness.analysis.proportion import proportion
from readiness.analysis.slope import theil_sen
from scipy.stats import binom


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(0, 20, 0.0, 0.16843), (20, 20, 0.83157, 1.0), (1, 10, 0.0025286, 0.44502), (5, 10, 0.18709, 0.81291)],
)
def test_clopper_pearson_as_tabulated(successes: int, n: int, low: float, high: float) -> None:
    found = proportion(successes, n, 0.95)
    assert found.value == successes / n
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx((low, high), rel=1e-4)


@pytest.mark.parametrize("true", [0.001, 0.05, 0.5, 0.99])
def test_clopper_pearson_covers_every_true_share(true: float) -> None:
    covered = 0.0
    for successes in range(101):
        interval = proportion(successes, 100, 0.95).interval
        assert interval is not None
        covered += binom.pmf(successes, 100, true) * (interval.low <= true <= interval.high)
    assert covered >= 0.95


def test_a_share_of_nothing_has_no_value() -> None:
    assert proportion(0, 0, 0.95).value is None


def test_more_successes_than_tries_are_refused() -> None:
    with pytest.raises(ValueError, match="must lie in"):
        proportion(3, 2, 0.95)


def test_a_planted_slope_is_found_through_outliers() -> None:
    times_s = np.arange(3600.0)
    values = 5 * times_s / 3600 + np.random.default_rng(3).normal(0, 0.5, 3600)
    values[::50] += 100
    found = theil_sen(times_s, values, 0.95)
    assert found is not None
    assert found.interval.low <= 5 <= found.interval.high
    assert found.interval.low > 4.5
    assert found.interval.high < 5.5
    assert found.blocks == 120


def test_sens_interval_covers_the_true_slope_as_often_as_asked() -> None:
    rng = np.random.default_rng(4)
    times_s, covered = np.arange(60.0), 0
    for _ in range(600):
        found = theil_sen(times_s, times_s / 3600 + rng.normal(0, 1, 60), 0.9)
        assert found is not None
        covered += found.interval.low <= 1 <= found.interval.high
    assert covered / 600 >= 0.9 - 3 * np.sqrt(0.9 * 0.1 / 600)


def test_a_constant_series_has_slope_zero_for_certain() -> None:
    found = theil_sen(np.arange(600.0), np.full(600, 7.0), 0.95)
    assert found is not None
    assert (found.value, found.interval.low, found.interval.high) == (0, 0, 0)


def test_two_points_are_no_trend() -> None:
    assert theil_sen(np.arange(2.0), np.arange(2.0), 0.95) is None
