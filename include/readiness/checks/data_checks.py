"""All checks of the evidence of a scenario. Whatever goes wrong while checking is an ERROR, never a PASS."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType

import pandas as pd

from readiness.checks.causality import effect_after_cause
from readiness.checks.completeness import CHECKS, Expected
from readiness.checks.expectation import Expectation
from readiness.checks.great_expectations_run import Expectations
from readiness.checks.image_checks import images_as_deployed
from readiness.checks.metrics_truth import counters_move, counters_never_fall
from readiness.checks.probe_checks import probes_suite, probing_complete
from readiness.checks.prometheus_checks import pods_known, same_clock, series_whole
from readiness.checks.reading_times import drained, read_after_healing, read_in_time
from readiness.checks.replay_suite import verdicts_suite
from readiness.checks.suites import SUITES, Suite
from readiness.model.dataset import ScenarioEvidence, columns_of, data_sets_of, frame_of, kind_of, place_of
from readiness.model.metric import PROBES, VERDICTS
from readiness.model.result import DataCheck
from readiness.model.verdict import Verdict

WHOLE = "the check itself to work"
_OPTIONAL_SUITES: dict[str, Callable[[ScenarioEvidence, tuple[str, ...]], Suite]] = {
    PROBES: probes_suite,
    VERDICTS: verdicts_suite,
}
"""Suites of the data sets that only some scenarios have."""


def check_data(
    evidence: ScenarioEvidence,
    *,
    max_gap_s: float,
    components: Mapping[str, int],
    with_metrics: frozenset[str],
    most: Mapping[str, int] | None = None,
    source: str | None = None,
    under_load: str | None = None,
    absent: Mapping[str, str] = MappingProxyType({}),
) -> tuple[DataCheck, ...]:
    """Every data check of a scenario: each data set's suite, then completeness over all of them.

    components: component -> its number of replicas as planned; with_metrics: those that serve metrics; most:
    up to how many replicas a component that scales may have; source: of every row, None if it is not known (then all
    rows must agree on one); under_load: the component that takes the load, None if it is not known; absent: data sets
    that the target does not offer, of which nothing is expected.
    A data set without its columns and types is not looked at further. The first call imports Great Expectations.
    """
    found: list[DataCheck] = []
    try:
        runner = Expectations()
    except Exception as error:  # noqa: BLE001  whatever the library raises must become a check that did not pass
        found += [_error(dataset, "Great Expectations", error) for dataset in data_sets_of(evidence)]
    else:
        for dataset in (name for name in data_sets_of(evidence) if name not in absent):
            found += check_data_set(runner, evidence, dataset, tuple(components))
    expected = Expected(max_gap_s, components, with_metrics, source, most or {}, under_load, frozenset(absent))
    found += check_completeness(evidence, expected)
    return tuple(replace(check, dataset=place_of(evidence, check.dataset)) for check in found)


def check_data_set(
    runner: Expectations, evidence: ScenarioEvidence, dataset: str, components: tuple[str, ...]
) -> tuple[DataCheck, ...]:
    """The suite of one data set; an ERROR if it cannot be run."""
    return _guarded(dataset, "suite", partial(_suite, runner, evidence, dataset, components))


def check_completeness(evidence: ScenarioEvidence, expected: Expected) -> tuple[DataCheck, ...]:
    """The checks over all data sets together; an ERROR for each that cannot be made."""
    found: list[DataCheck] = []
    reading = (drained, read_in_time, read_after_healing)
    more = (
        probing_complete, counters_move, counters_never_fall, series_whole, pods_known, same_clock, images_as_deployed,
    )  # fmt: skip
    for check in (*CHECKS, *reading, *more):
        found += _guarded("completeness", check.__name__.replace("_", " "), partial(check, evidence, expected))
    found += _guarded("causality", "effect after cause", partial(effect_after_cause, evidence))
    return tuple(found)


def _suite(
    runner: Expectations, evidence: ScenarioEvidence, dataset: str, components: tuple[str, ...]
) -> tuple[DataCheck, ...]:
    frame = frame_of(evidence, dataset)
    form = runner.check(dataset, frame, [_columns(dataset)])
    if form[0].verdict is Verdict.PASS:
        form += runner.check(dataset, _types(dataset, frame), [_TYPES])
    if any(check.verdict is not Verdict.PASS for check in form):
        return form
    suite = (_OPTIONAL_SUITES.get(dataset) or SUITES[dataset])(evidence, components)
    return form + runner.check(dataset, suite.frame, suite.expectations)


def _columns(dataset: str) -> Expectation:
    names = list(columns_of(dataset))
    arguments = (("column_set", names), ("exact_match", True))
    return Expectation("columns", "ExpectTableColumnsToMatchSet", arguments, f"exactly {', '.join(names)}")


_TYPES = Expectation(
    "types",
    "ExpectColumnPairValuesToBeEqual",
    (("column_A", "found"), ("column_B", "wanted")),
    "each column of its type (column: found, wanted)",
)


def _types(dataset: str, frame: pd.DataFrame) -> pd.DataFrame:
    """The types as a table, one row a column: the library itself does not tell a nullable integer from another."""
    wanted = columns_of(dataset)
    return pd.DataFrame(
        {
            "found": [f"{name}: {kind_of(dataset, frame[name])}" for name in wanted],
            "wanted": [f"{name}: {kind}" for name, kind in wanted.items()],
        }
    )


def _guarded(dataset: str, name: str, check: Callable[[], Iterable[DataCheck]]) -> tuple[DataCheck, ...]:
    try:
        return tuple(check())
    except Exception as error:  # noqa: BLE001  evidence of any form must end in a named ERROR, not in a crash
        return (_error(dataset, name, error),)


def _error(dataset: str, check: str, error: Exception) -> DataCheck:
    text = (str(error).splitlines() or [""])[0]
    return DataCheck(dataset, check, Verdict.ERROR, WHOLE, f"{type(error).__name__}: {text}")
