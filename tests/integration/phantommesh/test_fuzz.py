"""Spoiled input, in short; `make soak` sends more of it. And requests made from the OpenAPI document itself."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from instruments.running import RunningPlatform, running
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi import checks as of_openapi
from soak import fuzz

ROOT = Path(__file__).parents[3]
load_all_checks()
_CHECKS = [
    schemathesis.checks.not_a_server_error, of_openapi.status_code_conformance, of_openapi.content_type_conformance,
    of_openapi.response_schema_conformance, of_openapi.response_headers_conformance,
]  # fmt: skip
described = schemathesis.openapi.from_dict(json.loads((ROOT / "docs/openapi.json").read_bytes()))


@schemathesis.deserializer("application/x-ndjson")
def _first_line(_context: Any, response: Any) -> Any:
    """The schema of a stream of lines is that of each line."""
    return json.loads(response.content.splitlines()[0])


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    """A platform as it ships."""
    with running(tmp_path_factory.mktemp("fuzz") / "state") as platform:
        yield platform


def test_spoiled_input_is_answered_as_documented_and_ends_no_process(mesh: RunningPlatform) -> None:
    figures = fuzz.fuzz(mesh, 1_500)
    print(figures)
    assert figures["events"] >= 1_500
    assert {name: figures[name] for name, most in fuzz.TARGETS.items() if figures[name] > most} == {}
    assert figures["answers 207"] > 0
    assert figures["answers 400"] > 0


@described.parametrize()
@settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_answers_are_as_the_openapi_document_says(case: schemathesis.Case, mesh: RunningPlatform) -> None:
    case.call_and_validate(base_url=mesh.base_url, checks=_CHECKS, timeout=20)
