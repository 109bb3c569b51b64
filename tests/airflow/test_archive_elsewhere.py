"""What tasks read of an archive that is no folder: its local copies must not be gone before they are read."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from orchestration.sealed_evidence import PLAN, needs_signature
from orchestration.sign_off import SignOffOperator, question
from readiness.clients.archive import open_archive
from readiness.clients.home import Home
from readiness.stages.plan import Request, plan

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def elsewhere(tmp_path: Path) -> Home:
    """A home whose archive is in memory, with the plan of the run ``local-1``."""
    home = Home(tmp_path, f"memory://{tmp_path.name}")
    plan(home, "local-1", Request("local", ("steady",), PROJECT / "scenarios", sign_off=True))
    return home


def test_whether_a_run_is_signed_is_read_from_its_plan(elsewhere: Home) -> None:
    assert open_archive(elsewhere).is_sealed("local-1", PLAN)
    assert needs_signature(elsewhere, "local-1") is True


def test_a_question_without_results_says_so(elsewhere: Home) -> None:
    shown: Any = SimpleNamespace(decision="INCONCLUSIVE", address="memory://x", evidence_digest="0")
    assert "| steady | no result |" in question("local-1", ["steady"], shown, elsewhere)


def test_an_answer_to_a_run_that_was_never_planned_is_refused_in_one_line(elsewhere: Home) -> None:
    place: Any = SimpleNamespace(home=lambda: elsewhere)
    operator = SignOffOperator(task_id="sign_off", series="local", place=place)
    with pytest.raises(AirflowFailException, match="run local-2 was never planned"):
        operator.arguments({"run_id": "2", "ti": SimpleNamespace()})
