"""One run at a time: the second is refused by name, an expired lease is taken over, only the owner gives back."""

import threading
from pathlib import Path

import pytest
from readiness.clients import lease


def test_a_second_run_is_refused_in_one_line_that_names_the_first(tmp_path: Path) -> None:
    lease.take(tmp_path, "local", "run-1", 60)
    with pytest.raises(lease.LeaseError, match=r"local is in use by run run-1 until .* UTC.*--run run-1") as refused:
        lease.take(tmp_path, "local", "run-2", 60)
    assert "\n" not in str(refused.value)
    held = lease.holder(tmp_path)
    assert held is not None
    assert held.owner == "run-1"


def test_an_expired_lease_is_taken_over(tmp_path: Path) -> None:
    lease.take(tmp_path, "local", "run-1", 0)
    assert lease.take(tmp_path, "local", "run-2", 60).owner == "run-2"


def test_only_the_owner_gives_back(tmp_path: Path) -> None:
    lease.take(tmp_path, "local", "run-1", 60)
    assert not lease.release(tmp_path, "run-2")
    assert lease.release(tmp_path, "run-1")
    assert lease.holder(tmp_path) is None


def test_the_owner_renews(tmp_path: Path) -> None:
    first = lease.take(tmp_path, "local", "run-1", 1)
    assert lease.take(tmp_path, "local", "run-1", 60).expires_ns > first.expires_ns


def test_of_many_that_ask_at_once_one_gets_it(tmp_path: Path) -> None:
    got: list[str] = []

    def ask(owner: str) -> None:
        try:
            got.append(lease.take(tmp_path, "local", owner, 60).owner)
        except lease.LeaseError:
            return

    askers = [threading.Thread(target=ask, args=(f"run-{number}",)) for number in range(8)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert len(got) == 1


def test_a_damaged_lease_is_an_error_not_a_free_environment(tmp_path: Path) -> None:
    lease.take(tmp_path, "local", "run-1", 60)
    (tmp_path / "lease.json").write_text("{")
    with pytest.raises(lease.LeaseError, match="not a lease"):
        lease.take(tmp_path, "local", "run-2", 60)
