"""Great Expectations as a quiet, offline function: expectations over a frame in, data checks out."""

import logging
import os
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from readiness.checks.deciding_rows import deciding, side_by_side
from readiness.checks.expectation import Expectation
from readiness.model.result import DataCheck
from readiness.model.verdict import Verdict

_SHOWN = 3


class Expectations:
    """A context of Great Expectations that lives in memory, prints nothing and calls nobody.

    Making one imports the library, which takes seconds.
    """

    def __init__(self) -> None:
        # Read when the library is imported; set for good, for nothing here may ever phone home.
        os.environ["GX_ANALYTICS_ENABLED"] = "false"
        logging.getLogger("great_expectations").setLevel(logging.ERROR)
        import great_expectations as gx
        from great_expectations.data_context.types.base import ProgressBarsConfig

        _silence()
        self._gx = gx
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = ProgressBarsConfig(globally=False)
        self._source = context.data_sources.add_pandas("evidence")

    def check(self, dataset: str, frame: pd.DataFrame, expectations: Iterable[Expectation]) -> tuple[DataCheck, ...]:
        """One data check for each expectation, in their order. Raises whatever the library raises."""
        wanted = dict(enumerate(expectations))
        few = {number: rows for number, item in wanted.items() if (rows := deciding(frame, item)) is not None}
        alone = {number for number, item in wanted.items() if "Unique" in item.kind or "Table" in item.kind}
        together = {number: (wanted[number], few[number]) for number in few if number not in alone}
        judged: dict[int, Any] = {}
        if together:
            rows, items = side_by_side(together)
            judged |= self._judge(dataset, rows, items)
        for number in sorted(alone & few.keys()):
            judged |= self._judge(dataset, few[number], {number: wanted[number]})
        held = {number for number, result in judged.items() if result.success}
        undecided = {number: item for number, item in wanted.items() if number not in held}
        judged |= self._judge(dataset, _as_stored(frame, undecided.values()), undecided)
        return tuple(
            DataCheck(dataset, item.check, Verdict.PASS, item.expected, _held(item, frame, judged[number]))
            if number in held
            else _data_check(dataset, item, judged.get(number))
            for number, item in wanted.items()
        )

    def _judge(self, dataset: str, frame: pd.DataFrame, items: Mapping[int, Expectation]) -> dict[int, Any]:
        """The library's result for each expectation over all rows of the frame."""
        if not items:
            return {}
        kinds = self._gx.expectations
        made = [
            getattr(kinds, item.kind)(**dict(item.arguments), meta={"number": number}) for number, item in items.items()
        ]
        asset = self._source.add_dataframe_asset(f"{dataset} {len(self._source.assets)}")
        batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
        suite = self._gx.ExpectationSuite(name=dataset, expectations=made)
        return {
            result.expectation_config.meta["number"]: result
            for result in batch.validate(suite, result_format="SUMMARY").results
        }


def _as_stored(frame: pd.DataFrame, items: Iterable[Expectation]) -> pd.DataFrame:
    """What the rules are about: their columns, texts as texts; of the whole table, if one is about that."""
    if any("Table" in item.kind for item in items):
        return frame
    named = [value for item in items for _, value in item.arguments]
    wanted = {name for value in named for name in (value if isinstance(value, list) else [value])}
    columns = frame[[name for name in frame if name in wanted]]
    return columns.astype(dict.fromkeys(columns.select_dtypes("category"), "str"))


def _held(item: Expectation, frame: pd.DataFrame, result: Any) -> str:
    """What was observed of all rows, of which a few decided the rule."""
    if item.kind == "ExpectTableRowCountToBeBetween":
        return str(len(frame))
    return _observed(result.result) if "Table" in item.kind else f"all of {len(frame)} rows"


def _silence() -> None:
    """Some of the library's loggers have a level of their own, which that of the package does not reach."""
    for name in list(logging.root.manager.loggerDict):
        if name.startswith("great_expectations"):
            logging.getLogger(name).setLevel(logging.ERROR)


def _data_check(dataset: str, item: Expectation, result: Any) -> DataCheck:
    if result is None:
        return DataCheck(dataset, item.check, Verdict.ERROR, item.expected, "Great Expectations gave no result")
    if result.success:
        return DataCheck(dataset, item.check, Verdict.PASS, item.expected, _observed(result.result))
    raised = _raised(result.exception_info)
    if raised or not result.result:
        return DataCheck(dataset, item.check, Verdict.ERROR, item.expected, raised or "the check gave no result")
    return DataCheck(dataset, item.check, Verdict.FAIL, item.expected, _observed(result.result))


def _observed(result: Mapping[str, Any]) -> str:
    if "unexpected_count" not in result:
        value = result.get("observed_value")
        return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    count, rows = result["unexpected_count"], result["element_count"]
    if not count:
        return f"all of {rows} rows"
    examples = list(dict.fromkeys(map(_plain, result.get("partial_unexpected_list") or [])))[:_SHOWN]
    return f"{count} of {rows} rows do not" + (f", such as {', '.join(examples)}" if any(examples) else "")


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return "(" + ", ".join(map(_plain, value.values())) + ")"
    return str(value.item() if hasattr(value, "item") else value)


def _raised(info: Any) -> str:
    """The message of what was raised inside a check; empty if nothing was. The library gives one record, or one for
    each metric that the check needs."""
    records = [info] if "raised_exception" in (info or {}) else list((info or {}).values())
    messages = [str(item.get("exception_message")) for item in records if item.get("raised_exception")]
    return messages[0].splitlines()[0] if messages else ""
