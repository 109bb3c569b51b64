"""docs/configuration.md is what the model says."""

from dataclasses import field, make_dataclass
from pathlib import Path

import phantommesh.config.reference
import pytest
import yaml
from click.testing import CliRunner
from config_reads import leaf_keys
from phantommesh.cli import main
from phantommesh.config.load import PRODUCTION
from phantommesh.config.model import Config
from phantommesh.config.reference import reference
from phantommesh.config.section import Section

DOCUMENT = Path(__file__).parents[3] / "docs" / "configuration.md"


def test_the_document_is_not_stale() -> None:
    done = CliRunner().invoke(main, ["config", "--reference"])
    assert done.exit_code == 0
    assert DOCUMENT.read_text() == done.output, "run: phantommesh config --reference > docs/configuration.md"


def test_every_key_stands_in_it_with_its_variable_and_its_production_value() -> None:
    rows = {}
    for row in reference().splitlines():
        if row.startswith("| `") and "<br>" in row:
            first, says, legal, _, production = [cell.strip() for cell in row.strip("| ").split(" | ")]
            key, variable = first.replace("`", "").split("<br>")
            rows[variable] = (key, says, legal, production)
    for key in leaf_keys(Config).values():
        shown, says, legal, _ = rows["PHANTOMMESH_" + key.upper().replace(".", "__")]
        assert key.partition(".")[2] == shown
        assert says.endswith(".")
        assert legal
    assert rows["PHANTOMMESH_SYSTEM__EVENT_QUEUE_SIZE"] == (
        "event_queue_size",
        "Events accepted and not yet fully handled, of all replicas; more are answered 429.",
        "a whole number, 1 to 10,000,000",
        "`50000`",
    )


def test_a_key_that_says_nothing_of_itself_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = make_dataclass("System", [("lease_s", int, field(default=1))], bases=(Section,), frozen=True)
    planted = make_dataclass("Config", [("system", silent)], bases=(Section,), frozen=True)
    monkeypatch.setattr(phantommesh.config.reference, "Config", planted)
    with pytest.raises(LookupError, match=r"system\.lease_s"):
        reference()


def test_the_production_file_names_every_key_but_those_that_may_be_absent() -> None:
    raw = yaml.safe_load(PRODUCTION.read_text())
    absent = {"alert_routing.endpoints.slack", "cache.url", "cache.password"}
    for key in leaf_keys(Config).values():
        place = raw
        for part in key.split("."):
            place = place.get(part) if isinstance(place, dict) else None
        assert (place is not None) != (key in absent or key.startswith("alert_routing.endpoints.")), key
