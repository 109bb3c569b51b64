"""Files that users write: good ones are read, bad ones are answered with every problem, its line and its remedy."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from readiness.cli import main
from readiness.spec.files import read_all, read_scenario
from readiness.spec.problem import SpecError

ROOT = Path(__file__).parents[2]
SHIPPED = sorted([*(ROOT / "scenarios").glob("*.yaml"), *(ROOT / "scenarios/environments").glob("*.yaml")])
GOOD = (ROOT / "scenarios/steady.yaml").read_text()
RATES_PER_MIN = {
    "steady": (5_000, 30), "peak": (15_000, 15), "burst": (25_000, 5), "sustained": (10_000, 60),
}  # fmt: skip


def problems(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "file.yaml"
    path.write_text(text)
    with pytest.raises(SpecError) as caught:
        read_scenario(path)
    return [str(problem).removeprefix(f"{path}:") for problem in caught.value.problems]


def test_everything_that_is_shipped_is_valid() -> None:
    found, bad = read_all(SHIPPED)
    assert bad == []
    assert {item.name for item in found} == {*RATES_PER_MIN, "failover", "cascading", "local", "dev", "staging", "prod"}


@pytest.mark.parametrize(("name", "expected"), RATES_PER_MIN.items())
def test_the_full_profile_has_the_required_load(name: str, expected: tuple[int, int]) -> None:
    scenario = read_scenario(ROOT / f"scenarios/{name}.yaml")
    assert (scenario.load.rate * 60, scenario.profiles["full"].measure / 60) == pytest.approx(expected)


def test_every_problem_is_reported_with_its_line(tmp_path: Path) -> None:
    text = GOOD.replace("rate: 5000/min", "rate: -5/min, speed: 3").replace("metric: events_lost", "metric: happiness")
    found = problems(tmp_path, text)
    at = 1 + next(number for number, line in enumerate(text.splitlines()) if line.startswith("load:"))
    assert len(found) == 3
    assert any(line.startswith(f"{at}: load.rate: '-5/min' is not a quantity") for line in found)
    assert any(line.startswith(f"{at}: load.speed: unknown key; legal keys are rate, arrivals") for line in found)
    assert any("no stage produces the metric 'happiness'; legal are accept_latency" in line for line in found)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "1: is empty"),
        ("- a\n- b\n", "must be a mapping"),
        ("name: [\n", "not YAML"),
        ("\x00", "not YAML"),
        ("name: a\nname: b\n", "2: name: this key is written twice"),
        ("a: &x [1]\nb: *x\n", "aliases"),
        ("a: !!python/object:os.system {}\n", "unknown key"),
        ("[" * 50_000, "not YAML"),
    ],
)
def test_what_is_no_scenario_is_said_in_words(tmp_path: Path, text: str, says: str) -> None:
    assert any(says in line for line in problems(tmp_path, text))


def test_a_10_mb_file_is_refused_unread(tmp_path: Path) -> None:
    assert "10,485,760 bytes" in problems(tmp_path, "#" * 10 * 1024 * 1024)[0]


def test_a_name_used_by_two_files_is_a_problem_of_the_second(tmp_path: Path) -> None:
    for name in ("one.yaml", "two.yaml"):
        (tmp_path / name).write_text(GOOD)
    _, bad = read_all([tmp_path / "one.yaml", tmp_path / "two.yaml"])
    assert [(Path(problem.file).name, problem.line, problem.key) for problem in bad] == [("two.yaml", 1, "name")]


def test_validate_exits_1_and_prints_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("name: 7\n")
    result = CliRunner().invoke(main, ["validate", str(tmp_path / "bad.yaml"), str(tmp_path / "absent.yaml")])
    assert result.exit_code == 1
    assert "this key is missing" in result.output
    assert "cannot be read" in result.output
    assert "Traceback" not in result.output


def test_validate_imports_nothing_heavy() -> None:
    code = (
        "import sys; from readiness.cli import main\n"
        "import readiness.spec.files\n"
        "print([m for m in ('pandas', 'numpy', 'scipy', 'pyarrow', 'great_expectations', 'airflow', 'locust') "
        "if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
