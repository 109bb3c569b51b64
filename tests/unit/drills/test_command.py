"""Faults that the environment file names as commands: carried out, taken back, and refused in words."""

from pathlib import Path

import pytest
from readiness.drills.catalogue import fault_of, take_back
from readiness.drills.fault import Surroundings
from readiness.drills.victims import DrillError
from readiness.model.drill import Command, Drill
from readiness.model.environment import FaultCommands

STATUS = {"state": "ready", "components": []}


def surroundings(**commands: FaultCommands) -> Surroundings:
    return Surroundings(lambda: STATUS, frozenset, {name.replace("_", "-"): item for name, item in commands.items()})


def step(**keys: object) -> Command:
    written = {"at": "40%", "action": "command", "fault": "cut-db", "component": "db", **keys}
    (found,) = Drill.model_validate({"steps": [written]}).steps
    assert isinstance(found, Command)
    return found


def test_its_commands_put_it_in_place_and_take_it_back(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    commands = FaultCommands(inject=("touch", str(mark)), restore=("rm", str(mark)))
    fault = fault_of(step(**{"for": "2s"}), surroundings(cut_db=commands))
    fault.arm(STATUS)
    assert fault.describe() == "cut-db on db for 2 s"
    fault.inject()
    assert mark.exists()
    fault.restore()
    assert not mark.exists()


def test_what_a_killed_drill_left_is_taken_back_by_the_same_command(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    commands = FaultCommands(inject=("touch", str(mark)), restore=("rm", str(mark)))
    fault = fault_of(step(**{"for": "2s"}), surroundings(cut_db=commands))
    left = fault.leftover()
    assert left is not None
    fault.inject()
    take_back(left)
    assert not mark.exists()


def test_one_that_is_done_at_once_leaves_nothing_to_take_back() -> None:
    fault = fault_of(step(), surroundings(cut_db=FaultCommands(inject=("true",))))
    fault.arm(STATUS)
    assert fault.leftover() is None


def test_the_folder_of_this_interpreter_is_filled_in(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    program = f"open({str(mark)!r}, 'w').close()"
    fault = fault_of(step(), surroundings(cut_db=FaultCommands(inject=("{python}/python", "-c", program))))
    fault.inject()
    assert mark.exists()


@pytest.mark.parametrize(
    ("commands", "keys", "problem"),
    [
        ({}, {}, r"cut-db on db: the environment file names no fault 'cut-db' under faults"),
        ({"cut_db": FaultCommands(inject=("true",))}, {"for": "2s"}, "names no restore command for it"),
    ],
)
def test_what_could_not_be_done_or_taken_back_is_refused_before_any_load(
    commands: dict[str, FaultCommands], keys: dict[str, str], problem: str
) -> None:
    with pytest.raises(DrillError, match=problem):
        fault_of(step(**keys), surroundings(**commands)).arm(STATUS)


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        (("no-such-command-anywhere",), "the command 'no-such-command-anywhere' cannot be started"),
        (("sh", "-c", "echo the host is gone >&2; exit 3"), "the command 'sh' ended with code 3: the host is gone"),
    ],
)
def test_a_command_that_fails_says_why(command: tuple[str, ...], problem: str) -> None:
    fault = fault_of(step(), surroundings(cut_db=FaultCommands(inject=command)))
    with pytest.raises(DrillError, match=problem):
        fault.inject()
