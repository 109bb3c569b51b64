"""YAML as the configuration reads it."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from phantommesh.config.yaml_source import YamlError, parse


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12:30", "12:30"), ("on", "on"), ("no", "no"), ("2026-01-01", "2026-01-01"), ("010", "010"), ("1_0", "1_0"),
        ("'7'", "7"), ("7", 7), ("-7", -7), ("0", 0), ("7.5", 7.5), ("7e3", 7000.0), (".5", 0.5), ("true", True),
        ("False", False), ("", None), ("~", None), ("null", None), ("[a, 1]", ["a", 1]),
        ("{a: {b: 1}}", {"a": {"b": 1}}), ("-.inf", -math.inf), ("{on: 1}", {"on": 1}), ("{1: a}", {"1": "a"}),
    ],
)  # fmt: skip
def test_values_are_read_as_yaml_1_2_has_them(text: str, value: object) -> None:
    source = parse(text)
    assert (source.value, type(source.value)) == (value, type(value))
    assert source.problems == ()


def test_each_value_has_its_line() -> None:
    lines = parse("a:\n  b: 1\n  c:\n  - 2\n  - 3\n").lines
    assert {path: line for path, line in lines.items() if path} == {
        ("a",): 1, ("a", "b"): 2, ("a", "c"): 3, ("a", "c", 0): 4, ("a", "c", 1): 5,
    }  # fmt: skip


@pytest.mark.parametrize(
    "text", ["{a: 1, a: 2}", "!!python/object:os.system x", "!!int x", "!!binary aGk=", "{[a]: 1}", "9" * 5000]
)
def test_what_misleads_is_a_problem(text: str) -> None:
    assert len(parse(text).problems) == 1


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\nb: 'hunter2", 2), ("a: *hunter2", 1), ("hunter2: [", 1), ("a: hunter2\n b: hunter2", 2),
        ("%hunter2", 1), ("a: hunter2: hunter2", 1), ("a: {hunter2", 1), ("@hunter2", 1), ("a\n- hunter2:\n x", 2),
        ("a: \x07hunter2", None), ("a: &hunter2 1\nb: *hunter2", 2),
    ],
)  # fmt: skip
def test_what_is_no_yaml_is_refused_and_never_quoted(text: str, line: int | None) -> None:
    with pytest.raises(YamlError) as caught:
        parse(text)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__context__ is None  # a traceback would show the parser's own error, which quotes the text
    assert line is None or abs((caught.value.line or 0) - line) <= 1


@given(st.text(st.sampled_from("{}[]:,-?*&!|>%@`'\"#\\ \n\tab0.~"), max_size=40))
def test_any_text_is_refused_or_becomes_plain_values(text: str) -> None:
    try:
        json.dumps(parse(text).value)
    except YamlError as error:
        assert error.args[0].startswith("not YAML")  # noqa: PT017 - most texts are good YAML
