"""Threat intelligence: the look-up, and the file that it comes from."""

import ipaddress
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phantommesh.threat_model.intelligence import NOTHING_KNOWN, Indicator, Intelligence
from phantommesh.threat_model.intelligence_file import IntelligenceError, read_file


def known(*networks: str, risk_add: float = 1.0) -> Intelligence:
    return Intelligence(7, [Indicator(network, "scanner", risk_add, "list") for network in networks])


def network_of(found: Indicator | None) -> str | None:
    return None if found is None else found.network


def test_an_address_is_found_in_its_networks_and_no_other() -> None:
    snapshot = known("198.51.100.0/24", "2001:db8::/32", "192.0.2.7/32")
    assert network_of(snapshot.look_up("198.51.100.255", 0)) == "198.51.100.0/24"
    assert network_of(snapshot.look_up("2001:db8:1::1", 0)) == "2001:db8::/32"
    assert network_of(snapshot.look_up("192.0.2.7", 0)) == "192.0.2.7/32"
    for other in ("198.51.101.0", "2001:db9::1", "192.0.2.8", "::c633:6401"):
        assert snapshot.look_up(other, 0) is None
    assert NOTHING_KNOWN.look_up("192.0.2.7", 0) is None


@settings(deadline=None)
@given(st.lists(st.tuples(st.ip_addresses(), st.integers(0, 128)), max_size=8), st.ip_addresses())
def test_the_look_up_agrees_with_walking_all_networks(
    networks: list[tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, int]],
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    made = [ipaddress.ip_network((item, min(length, item.max_prefixlen)), strict=False) for item, length in networks]
    found = known(*map(str, made)).look_up(str(address), 0)
    assert (found is not None) == any(address in network for network in made)
    if found is not None:
        assert ipaddress.ip_network(found.network).prefixlen == max(n.prefixlen for n in made if address in n)


def test_the_strongest_counts_then_the_narrowest() -> None:
    wide, narrow = Indicator("10.0.0.0/8", "a", 3.0, "s"), Indicator("10.1.0.0/16", "b", 2.0, "s")
    assert Intelligence(1, [narrow, wide]).look_up("10.1.2.3", 0) == wide
    equal = narrow._replace(risk_add=3.0)
    assert Intelligence(1, [wide, equal]).look_up("10.1.2.3", 0) == equal


def test_an_indicator_counts_until_it_expires() -> None:
    snapshot = Intelligence(1, [Indicator("192.0.2.1/32", "a", 1.0, "s", expires_at_ns=100)])
    assert snapshot.look_up("192.0.2.1", 99) is not None
    assert snapshot.look_up("192.0.2.1", 100) is None


def test_of_an_event_the_stronger_end_counts() -> None:
    snapshot = Intelligence(1, [Indicator("192.0.2.1/32", "a", 1.0, "s"), Indicator("192.0.2.2/32", "a", 2.0, "s")])
    for ends in (("192.0.2.1", "192.0.2.2"), ("192.0.2.2", "192.0.2.1")):
        assert network_of(snapshot.of_event(*ends, 0)) == "192.0.2.2/32"
    assert network_of(snapshot.of_event("192.0.2.1", "192.0.2.9", 0)) == "192.0.2.1/32"
    assert snapshot.of_event("192.0.2.8", "192.0.2.9", 0) is None


def file_of(folder: Path, content: object) -> Path:
    path = folder / "list.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_a_file_is_read_and_of_the_same_entries_the_strongest_is_kept(tmp_path: Path) -> None:
    entry = {"address": "198.51.100.0/24", "kind": "botnet", "risk_add": 1.0}
    stronger = entry | {"risk_add": 2, "expires_at": "1970-01-01T01:00:00+01:00"}
    read = read_file(file_of(tmp_path, {"source": "s", "indicators": [entry, stronger, entry]}))
    assert read.indicators == (Indicator("198.51.100.0/24", "botnet", 2.0, "s", 0),)


ENTRY = {"address": "192.0.2.1", "kind": "k", "risk_add": 1}


@pytest.mark.parametrize(
    ("content", "telling"),
    [
        ("{", "truncated"),
        ("[]", "legal is"),
        ({"source": "s"}, "missing required field `indicators`"),
        ({"source": "", "indicators": []}, "$.source"),
        ({"source": "s", "indicators": [ENTRY, ENTRY | {"risk_add": 0}]}, "$.indicators[1].risk_add"),
        ({"source": "s", "indicators": [ENTRY | {"risk_add": 11}]}, "risk_add"),
        ({"source": "s", "indicators": [ENTRY | {"colour": "red"}]}, "colour"),
        ({"source": "s", "indicators": [ENTRY, ENTRY | {"address": "192.0.2.1/24"}]}, "indicators[1]: '192.0.2.1/24'"),
        ({"source": "s", "indicators": [ENTRY | {"address": "fe80::1%eth0"}]}, "zone"),
        ({"source": "s", "indicators": [ENTRY | {"expires_at": "2027-01-31T00:00:00"}]}, "timezone"),
        ({"source": "s", "indicators": [ENTRY | {"kind": "a\0"}]}, "NUL"),
    ],
)
def test_a_bad_file_is_refused_in_one_line(tmp_path: Path, content: object, telling: str) -> None:
    with pytest.raises(IntelligenceError) as refused:
        read_file(file_of(tmp_path, content))
    assert telling in str(refused.value)
    assert "list.json" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IntelligenceError, match="cannot be read"):
        read_file(tmp_path / "nothing.json")
