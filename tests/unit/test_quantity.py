"""Quantities: what people write, what the code keeps, and the way back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from readiness.model.quantity import Dimension, parse, show, write


@pytest.mark.parametrize(
    ("text", "dimension", "kept"),
    [
        ("200ms", Dimension.DURATION, 0.2),
        ("30min", Dimension.DURATION, 1800.0),
        ("5000/min", Dimension.RATE, 5000 / 60),
        ("25,000/min", Dimension.RATE, 25000 / 60),
        ("0.1%", Dimension.RATIO, 0.001),
        (0, Dimension.COUNT, 0.0),
        ("2 KiB/h", Dimension.BYTES_PER_HOUR, 2048.0),
    ],
)
def test_a_quantity_is_kept_in_its_base_unit(text: object, dimension: Dimension, kept: float) -> None:
    assert parse(text, dimension) == pytest.approx(kept)


@pytest.mark.parametrize("text", ["200", "200 furlongs", "-5ms", "ms", "", None, True, [1], "1e3ms", "5000/min"])
def test_a_bad_duration_is_refused_with_the_legal_units(text: object) -> None:
    with pytest.raises(ValueError, match="us, ms, s, min, h"):
        parse(text, Dimension.DURATION)


@given(st.floats(min_value=0, max_value=1e12), st.sampled_from([Dimension.DURATION, Dimension.RATE, Dimension.RATIO]))
def test_what_is_stored_reads_back_exactly(value: float, dimension: Dimension) -> None:
    assert parse(write(value, dimension), dimension) == value


def test_values_are_shown_as_people_say_them() -> None:
    assert show(0.0123, Dimension.DURATION) == "12.3 ms"
    assert show(5000 / 60, Dimension.RATE) == "5,000/min"
    assert show(0.001, Dimension.RATIO) == "0.1 %"
