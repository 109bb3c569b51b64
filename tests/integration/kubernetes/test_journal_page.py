"""The journal of faults and the claim on a cluster, as objects in it."""

import pytest
from fake_cluster.bench import Bench
from readiness.clients.kubernetes.claim import ClusterClaim
from readiness.clients.kubernetes.journal_page import NAME, JournalPage
from readiness.drills.victims import DrillError


def test_two_who_write_the_journal_at_once_lose_nothing(bench: Bench) -> None:
    one, other = JournalPage(bench.kubectl), JournalPage(bench.kubectl)
    for page in (one, other):
        assert page.read() is None
    one.write("[]")
    with pytest.raises(Exception, match="already exists"):
        other.write("[]")
    assert other.read() == "[]"
    one.write('["newer"]')
    with pytest.raises(Exception, match="does not match"):
        other.write('["older"]')
    with pytest.raises(Exception, match="does not match"):
        other.remove()
    assert one.read() == '["newer"]'


def test_a_damaged_journal_is_named(bench: Bench) -> None:
    page = JournalPage(bench.kubectl)
    page.read()
    page.write("no journal")
    with pytest.raises(DrillError, match=f"ConfigMap {NAME} in phantommesh-dev: not a journal"):
        bench.journal().entries()


def test_the_claim_and_the_journal_are_two_objects(bench: Bench) -> None:
    claim = ClusterClaim(bench.kubectl)
    claim.take("run-1", 60)
    bench.journal().add("run-1/x", "a fault", {"kind": "cordon", "node": "node-1"})
    assert claim.release("run-1")
    assert len(bench.journal().entries()) == 1
