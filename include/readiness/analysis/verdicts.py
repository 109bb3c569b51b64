"""Whether load changes what is said of a threat: verdicts of a sample under load against those of a quiet replay."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from readiness.model.result import Measurement

LEAST_COMPARED = 50
"""Fewer pairs say too little about a platform: nothing is judged from them."""
_SAME = 1e-9
_NUMBERS, _WORDS = ("risk", "confidence"), ("level", "due")


@dataclass(frozen=True)
class Pairs:
    """For each row of the sample: ``assessed``: both verdicts are there; ``comparable``: and they do not name
    different versions that they rest on; ``changed``: and they differ in risk, confidence, level or due channels."""

    assessed: NDArray[np.bool_]
    comparable: NDArray[np.bool_]
    changed: NDArray[np.bool_]


def compare(rows: pd.DataFrame) -> Pairs:
    """Compare replay/verdicts.parquet row by row.

    A verdict may legitimately differ from an earlier one of the same event because it rests on a newer history, model
    or intelligence. It then says so (``basis``), and such a pair is left out. Only where *both* verdicts name what
    they rest on: one that names nothing has nothing to excuse it, least of all a platform that falls back to simpler
    rules under load.
    """
    assessed = rows["assessed"].to_numpy(np.bool_)
    named = ((rows["basis"] != "") & (rows["replayed_basis"] != "")).to_numpy(np.bool_)
    moved = named & (rows["basis"] != rows["replayed_basis"]).to_numpy(np.bool_)
    differs = np.zeros(len(rows), dtype=np.bool_)
    for column in _NUMBERS:
        one, other = rows[column].to_numpy(np.float64), rows[f"replayed_{column}"].to_numpy(np.float64)
        differs |= ~np.isclose(one, other, rtol=0, atol=_SAME, equal_nan=True)
    for column in _WORDS:
        differs |= (rows[column] != rows[f"replayed_{column}"]).to_numpy(np.bool_)
    comparable = assessed & ~moved
    return Pairs(assessed, comparable, comparable & differs)


def verdicts_changed(rows: pd.DataFrame | None) -> Measurement:
    """How many verdicts changed, of those compared (n). No value below LEAST_COMPARED, unless one changed already."""
    if rows is None:
        return Measurement(None, None, 0, "no event was replayed")
    pairs = compare(rows)
    compared, changed = int(pairs.comparable.sum()), int(pairs.changed.sum())
    without, moved = int((~pairs.assessed).sum()), int((pairs.assessed & ~pairs.comparable).sum())
    notes = [f"{compared} of {len(rows)} pairs compared"]
    notes += [f"{moved} rest on other versions of history, model or intelligence"] * bool(moved)
    notes += [f"{without} were not assessed both times"] * bool(without)
    if compared < LEAST_COMPARED and not changed:
        return Measurement(None, None, compared, f"too few to judge: {'; '.join(notes)}, {LEAST_COMPARED} are needed")
    return Measurement(float(changed), None, compared, "; ".join(notes))
