"""Addresses, keys, configurations and bodies of vpn-core."""

import base64
import configparser
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from phantommesh.vpn_core import keys
from phantommesh.vpn_core.network import FIRST_NUMBER, LAST_NUMBER, address_of, canonical, number_of
from phantommesh.vpn_core.requests import (
    MAX_DETAIL_BYTES,
    BadRequestError,
    identity,
    new_peer,
    new_quarantine,
    new_signal,
    page,
)
from phantommesh.vpn_core.wireguard import Member, render

KEY = keys.generate()[1]


@pytest.mark.parametrize(("number", "address"), [(1, "198.18.0.1"), (256, "198.18.1.0"), (65534, "198.18.255.254")])
def test_numbers_and_addresses_are_each_other(number: int, address: str) -> None:
    assert address_of(number) == address
    assert number_of(address) == number
    assert FIRST_NUMBER <= number <= LAST_NUMBER


@pytest.mark.parametrize("address", ["198.18.0.0", "198.18.255.255", "198.19.0.1", "10.0.0.1", "2001:db8::1"])
def test_no_host_of_the_mesh_has_no_number(address: str) -> None:
    assert number_of(address) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("198.18.0.1", "198.18.0.1"), ("::ffff:198.18.0.1", "198.18.0.1"), ("2001:DB8:0::1", "2001:db8::1"),
        ("fe80::1%eth0", None), ("198.18.0.01", None), ("198.18.0.1/32", None), ("", None), ("mesh.example", None),
    ],
)  # fmt: skip
def test_an_address_has_one_spelling(text: str, expected: str | None) -> None:
    assert canonical(text) == expected


def test_a_pair_belongs_together() -> None:
    private, public = keys.generate()
    derived = X25519PrivateKey.from_private_bytes(base64.b64decode(private)).public_key().public_bytes_raw()
    assert base64.b64decode(public) == derived
    assert len(private) == len(public) == 44
    assert keys.is_public_key(public)


@pytest.mark.parametrize(
    "text",
    [
        "", "x", KEY[:-1], f"{KEY}\n", KEY.replace("=", ""), base64.b64encode(bytes(31)).decode(),
        base64.b64encode(bytes(32)).decode(),  # the point 0: every secret agreed on with it is 0
        base64.b64encode(b"\1" + bytes(31)).decode(),  # the point 1, likewise
        base64.b64encode(bytes([9]) + bytes(31)).decode()[:42] + "B=",  # bits behind the last byte are not 0
    ],
    ids=["none", "a letter", "short", "a line", "unpadded", "31 bytes", "the point 0", "the point 1", "bits behind"],
)  # fmt: skip
def test_what_is_no_public_key(text: str) -> None:
    assert not keys.is_public_key(text)


def test_a_configuration_reads_back() -> None:
    owner = Member("gate", "198.18.0.1", KEY, "gate.mesh.example:51820")
    text = render(owner, [Member("a", "198.18.0.2", KEY, None), Member("b", "198.18.0.3", KEY, "[2001:db8::1]:7")])
    sections = [dict(_parsed(part)) for part in text.split("\n\n")]
    assert sections[0] == {
        "[Interface]": None, "Address": "198.18.0.1/16", "ListenPort": "51820",
        "PostUp": "wg set %i private-key /etc/wireguard/%i.key",
    }  # fmt: skip
    assert sections[1] == {"[Peer]": None, "PublicKey": KEY, "AllowedIPs": "198.18.0.2/32"}
    assert sections[2] == {
        "[Peer]": None, "PublicKey": KEY, "AllowedIPs": "198.18.0.3/32", "Endpoint": "[2001:db8::1]:7",
        "PersistentKeepalive": "25",
    }  # fmt: skip
    first = configparser.ConfigParser(interpolation=None)
    first.read_string(text.split("\n\n")[0])
    assert first["Interface"]["ListenPort"] == "51820"


def _parsed(section: str) -> list[tuple[str, str | None]]:
    lines = [line for line in section.strip().splitlines() if not line.startswith("#")]
    return [
        (name, value if mark else None) for name, mark, value in (line.partition(" = ") for line in lines)
    ]  # fmt: skip


GOOD = {"name": "gate-1", "address": "198.18.0.9", "public_key": KEY, "endpoint": "gate.mesh.example:51820"}


def test_good_bodies() -> None:
    assert new_peer(json.dumps(GOOD).encode()).address == "198.18.0.9"
    assert new_peer(b'{"name":"a","address":null,"public_key":null,"endpoint":null}').public_key is None
    assert new_quarantine(b'{"address":"::ffff:198.18.0.9","reason":"r"}').address == "198.18.0.9"
    assert bytes(new_signal(b'{"address":"::1","kind":"scan","detail": {"a" : 1}}').detail) == b'{"a":1}'
    assert bytes(new_signal(b'{"address":"::1","kind":"scan"}').detail) == b"{}"


@pytest.mark.parametrize(
    ("check", "document", "position"),
    [
        (new_peer, [], 0),
        (new_peer, {}, "name"),
        (new_peer, GOOD | {"name": "a\n[Peer]"}, "name"),
        (new_peer, GOOD | {"name": "a\n"}, "name"),
        (new_peer, GOOD | {"name": ""}, "name"),
        (new_peer, GOOD | {"nonsense": 1}, 0),
        (new_peer, GOOD | {"public_key": "x"}, "public_key"),
        (new_peer, GOOD | {"address": "198.18.0.0"}, "address"),
        (new_peer, GOOD | {"address": "nowhere"}, "address"),
        (new_peer, GOOD | {"endpoint": "gate.mesh.example"}, "endpoint"),
        (new_peer, GOOD | {"endpoint": "gate:0"}, "endpoint"),
        (new_peer, GOOD | {"endpoint": "gate:65536"}, "endpoint"),
        (new_peer, GOOD | {"endpoint": "gate:1\nPostUp = x"}, "endpoint"),
        (new_peer, GOOD | {"endpoint": "[::g]:1"}, "endpoint"),
        (new_quarantine, {"address": "198.18.0.9"}, "reason"),
        (new_quarantine, {"address": "x", "reason": "r"}, "address"),
        (new_quarantine, {"address": "198.18.0.9", "reason": "a\0b"}, "reason"),
        (new_quarantine, {"address": "198.18.0.9", "reason": "r" * 501}, "reason"),
        (new_signal, {"address": "198.18.0.9", "kind": "Scan"}, "kind"),
        (new_signal, {"address": "198.18.0.9", "kind": "scan", "detail": [1]}, "detail"),
        (new_signal, {"address": "198.18.0.9", "kind": "scan", "detail": {"a": "x" * MAX_DETAIL_BYTES}}, "detail"),
    ],
)
def test_bad_bodies_say_where(check: Callable[[bytes], Any], document: Any, position: str | int) -> None:
    with pytest.raises(BadRequestError) as caught:
        check(json.dumps(document).encode())
    assert caught.value.position == position
    assert caught.value.reason


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"name":"\xff"}', b"[" * 100_000, b'{"name":"\\ud800"}'])
def test_what_is_no_json_is_a_bad_request(body: bytes) -> None:
    with pytest.raises(BadRequestError):
        new_peer(body)


@pytest.mark.parametrize("text", ["", "x", "{00000000-0000-0000-0000-000000000000}", "0" * 32])
def test_what_is_no_identity(text: str) -> None:
    with pytest.raises(BadRequestError, match="not a UUID") as caught:
        identity(text, "key")
    assert caught.value.position == "key"


def test_pages() -> None:
    assert page(b"") == (0, 1000)
    assert page(b"after=7&limit=9") == (7, 9)
    assert page(b"", None) == (0, None)
    assert page(b"limit=0", None) == (0, 0)


@pytest.mark.parametrize(
    ("query", "position"),
    [(b"limit=0", "limit"), (b"limit=10001", "limit"), (b"after=-1", "after"), (b"x=1", "x"), (b"\xff", "query")],
)
def test_bad_pages(query: bytes, position: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        page(query)
    assert caught.value.position == position
