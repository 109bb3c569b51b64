"""vpn-core against the running platform: every offer under rivals and bad input."""

import asyncio
import json
import re
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import asyncpg
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .conftest import ROOT, Platform, call
from .vpn_platform import VpnPlatform, seen


@pytest.fixture(scope="module")
def mesh(start: Callable[..., Platform]) -> VpnPlatform:
    started = start("--replicas", "1")
    return VpnPlatform(started.state, started.status())


def test_three_replicas_are_ready_and_lean(mesh: VpnPlatform) -> None:
    replicas = [item for item in mesh.status()["components"] if item["component"] == "vpn-core"]
    assert [item["replica"] for item in replicas] == ["vpn-core-0", "vpn-core-1", "vpn-core-2"]
    for item in replicas:
        assert call(f"{item['admin_url']}/healthz").status == 200
        assert call(f"{item['admin_url']}/readyz").status == 200
        assert psutil.Process(item["pid"]).memory_info().rss < 100e6
        loaded = {
            entry.path.split("/site-packages/")[-1].split("/")[0] for entry in psutil.Process(item["pid"]).memory_maps()
        }
        assert not loaded & {"pydantic_core", "pandas", "numpy", "yaml"}


def test_a_private_key_is_shown_once(mesh: VpnPlatform) -> None:
    made = mesh.add()
    assert len(made["private_key"]) == 44
    shown = mesh.vpn(f"/v1/peers/{made['peer_id']}").json()
    assert shown == {name: made[name] for name in ("peer_id", "name", "address", "public_key", "endpoint")} | {
        "created_at_ns": shown["created_at_ns"], "quarantined": False,
    }  # fmt: skip
    assert made["private_key"] not in str(mesh.query("SELECT * FROM vpn.peer"))
    assert "private_key" not in mesh.add(public_key=_spare_key(mesh))


def _spare_key(mesh: VpnPlatform) -> str:
    peer = mesh.add()
    assert mesh.vpn(f"/v1/peers/{peer['peer_id']}", "DELETE").json()["state"] == "removed"
    assert mesh.vpn(f"/v1/peers/{peer['peer_id']}", "DELETE").status == 404
    return str(peer["public_key"])


def test_registrations_at_once_get_addresses_of_their_own(mesh: VpnPlatform) -> None:
    with ThreadPoolExecutor(16) as pool:
        peers = list(pool.map(lambda _: mesh.add(), range(80)))
    assert len({peer["address"] for peer in peers}) == len({peer["public_key"] for peer in peers}) == 80
    assert all(peer["address"].startswith("198.18.") for peer in peers)


def test_an_address_that_became_free_rests(mesh: VpnPlatform) -> None:
    first = mesh.add()
    assert mesh.vpn(f"/v1/peers/{first['peer_id']}", "DELETE").status == 200
    assert mesh.add()["address"] != first["address"]
    again = mesh.add(address=first["address"])
    assert again["address"] == first["address"]


def test_the_circle_begins_anew_and_leaves_out_what_is_taken(mesh: VpnPlatform) -> None:
    mesh.add(address="198.18.255.253")
    mesh.query("UPDATE vpn.mesh SET next_number = 65533")
    mesh.quarantine("198.18.255.254")  # nobody's, and given to nobody
    peer = mesh.add()
    taken = {
        row[0] for row in mesh.query("SELECT number FROM vpn.peer WHERE peer_id <> $1", uuid.UUID(peer["peer_id"]))
    }
    lowest = next(number for number in range(1, 65535) if number not in taken)
    assert peer["address"] == f"198.18.{lowest // 256}.{lowest % 256}"


@pytest.mark.parametrize("field", ["name", "address", "public_key"])
def test_what_another_peer_has_is_a_conflict(mesh: VpnPlatform, field: str) -> None:
    peer = mesh.add()
    refused = mesh.vpn("/v1/peers", "POST", {"name": f"other-{uuid.uuid4()}"} | {field: peer[field]})
    assert (refused.status, refused.json()["position"]) == (409, field)


def test_lists_come_in_pages(mesh: VpnPlatform) -> None:
    for _ in range(3):
        mesh.quarantine(mesh.add()["address"])
    for what in ("peers", "quarantines"):
        whole = mesh.vpn(f"/v1/{what}").json()
        first = mesh.vpn(f"/v1/{what}?limit=2").json()
        rest = mesh.vpn(f"/v1/{what}?after={first['next_after']}").json()
        assert first[what] + rest[what] == whole[what]
        assert whole["next_after"] is None


def test_a_quarantined_peer_is_in_no_configuration_and_its_own_is_empty(mesh: VpnPlatform) -> None:
    good, bad = mesh.add(endpoint="good.mesh.example:51820"), mesh.add()
    assert f"PublicKey = {bad['public_key']}\nAllowedIPs = {bad['address']}/32" in mesh.config(good)
    assert f"PublicKey = {good['public_key']}" in mesh.config(bad)
    keys = [str(uuid.uuid4()), str(uuid.uuid4())]
    for key in keys:
        assert mesh.quarantine(bad["address"], key) == {
            "key": key, "address": bad["address"], "peer_id": bad["peer_id"], "state": "quarantined", "new": True,
        }  # fmt: skip
    assert bad["public_key"] not in mesh.config(good)
    assert "[Peer]" not in mesh.config(bad)
    assert mesh.vpn(f"/v1/peers/{bad['peer_id']}").json()["quarantined"] is True
    for key, quarantined in zip(keys, (True, False), strict=True):
        assert mesh.vpn(f"/v1/quarantines/{key}", "DELETE").json()["state"] == "released"
        assert mesh.vpn(f"/v1/peers/{bad['peer_id']}").json()["quarantined"] is quarantined
    assert f"PublicKey = {bad['public_key']}" in mesh.config(good)
    assert good["public_key"] in mesh.config(bad)


def test_one_key_at_once_over_all_replicas_quarantines_once(mesh: VpnPlatform) -> None:
    key, address = str(uuid.uuid4()), mesh.add()["address"]
    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(lambda _: mesh.quarantine(address, key)["new"], range(72)))
    assert Counter(answers) == {True: 1, False: 71}
    assert mesh.trail(key) == ["quarantined"]


def test_a_released_key_stays_released(mesh: VpnPlatform) -> None:
    key, peer = str(uuid.uuid4()), mesh.add()
    mesh.quarantine(peer["address"], key)
    for _ in range(2):
        assert mesh.vpn(f"/v1/quarantines/{key}", "DELETE").status == 200
    late = mesh.quarantine(peer["address"], key)
    assert (late["state"], late["new"]) == ("released", False)
    assert mesh.trail(key) == ["quarantined", "released"]
    assert mesh.vpn(f"/v1/peers/{peer['peer_id']}").json()["quarantined"] is False
    assert mesh.vpn(f"/v1/quarantines/{key}").json()["released_at_ns"] > 0


def test_a_key_stands_for_one_address(mesh: VpnPlatform) -> None:
    key = mesh.quarantine("203.0.113.7")["key"]
    refused = mesh.vpn(f"/v1/quarantines/{key}", "PUT", {"address": "203.0.113.8", "reason": "other"})
    assert (refused.status, refused.json()["position"]) == (409, "address")


def test_an_address_of_nobody_is_blocked_and_a_peer_that_gets_it_is_quarantined(mesh: VpnPlatform) -> None:
    blocked = mesh.quarantine("198.18.77.7")
    assert blocked["peer_id"] is None
    peer = mesh.add(address="198.18.77.7")
    assert mesh.vpn(f"/v1/peers/{peer['peer_id']}").json()["quarantined"] is True
    assert mesh.quarantine("2001:db8::9")["peer_id"] is None


def test_signals_are_kept_and_read_as_lines(mesh: VpnPlatform) -> None:
    for number in range(5):
        made = mesh.vpn("/v1/signals", "POST", {"address": "198.18.0.1", "kind": "port-scan", "detail": {"n": number}})
        assert made.status == 201
    *lines, end = map(json.loads, mesh.vpn("/v1/signals").body.splitlines())
    assert end == {"end": True, "count": len(lines), "last_seq": lines[-1]["seq"]}
    assert [line["detail"] for line in lines[-5:]] == [{"n": number} for number in range(5)]
    first = [json.loads(line) for line in mesh.vpn("/v1/signals?limit=2").body.splitlines()]
    rest = [json.loads(line) for line in mesh.vpn(f"/v1/signals?after={first[-1]['last_seq']}").body.splitlines()]
    assert first[:-1] + rest[:-1] == lines
    mesh.query("INSERT INTO vpn.signal (at_ns, address, kind, detail) SELECT 1, '::1', 'many', '{}' "
               "FROM generate_series(1, 1234)")  # fmt: skip
    *many, end = map(json.loads, mesh.vpn("/v1/signals").body.splitlines())
    assert end["count"] == len(many) >= 1239


@pytest.mark.parametrize(
    ("method", "path", "document", "status", "position"),
    [
        ("POST", "/v1/peers", {"name": "a b"}, 400, "name"),
        ("POST", "/v1/peers", b"{", 400, 1),
        ("POST", "/v1/signals", {"address": "x", "kind": "scan"}, 400, "address"),
        ("PUT", "/v1/quarantines/x", {"address": "198.18.0.1", "reason": "r"}, 400, "key"),
        ("PUT", f"/v1/quarantines/{uuid.uuid4()}", {"address": "198.18.0.1"}, 400, "reason"),
        ("GET", "/v1/peers?limit=0", None, 400, "limit"),
        ("GET", "/v1/quarantines?limit=x", None, 400, "limit"),
        ("GET", "/v1/signals?after=x", None, 400, "after"),
        ("GET", "/v1/peers/x", None, 400, "peer_id"),
        ("GET", "/v1/peers/x/config", None, 400, "peer_id"),
        ("DELETE", "/v1/peers/x", None, 400, "peer_id"),
        ("GET", "/v1/quarantines/x", None, 400, "key"),
        ("DELETE", "/v1/quarantines/x", None, 400, "key"),
        ("GET", f"/v1/peers/{uuid.uuid4()}", None, 404, None),
        ("GET", f"/v1/peers/{uuid.uuid4()}/config", None, 404, None),
        ("GET", f"/v1/quarantines/{uuid.uuid4()}", None, 404, None),
        ("DELETE", f"/v1/quarantines/{uuid.uuid4()}", None, 404, None),
        ("POST", "/v1/signals", b" " * 65537, 413, None),
    ],
)
def test_bad_requests_say_what_and_where(
    mesh: VpnPlatform, method: str, path: str, document: Any, status: int, position: Any
) -> None:
    answer = mesh.vpn(path, method, document)
    assert (answer.status, answer.json().get("position")) == (status, position)
    assert answer.json()["error"]


_texts = st.text(max_size=40) | st.sampled_from(["198.18.0.5", "::1", "scan", "a", "gate:51820", "\0", "\ud800"])
_values = st.recursive(
    _texts | st.none() | st.booleans() | st.integers() | st.floats(),
    lambda part: st.lists(part, max_size=3),
    max_leaves=5,
)
_names = st.sampled_from(["name", "address", "public_key", "endpoint", "reason", "kind", "detail", "x"])
_documents = st.dictionaries(_names, _values | st.dictionaries(_texts, _values, max_size=2), max_size=5)
_bodies = st.binary(max_size=80) | _documents.map(lambda value: json.dumps(value).encode())
_paths = st.sampled_from(["/v1/peers", "/v1/signals", "/v1/quarantines/x", f"/v1/quarantines/{uuid.uuid4()}"])


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=_paths, body=_bodies)
def test_no_body_makes_it_fail(mesh: VpnPlatform, path: str, body: bytes) -> None:
    answer = call(f"{mesh.vpn_url}{path}", "PUT" if "quarantines" in path else "POST", body)
    assert answer.status in (200, 201, 400, 409)
    assert answer.status != 400 or {"error", "position"} == set(answer.json())


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE vpn.trail SET action = 'released'", "DELETE FROM vpn.trail", "TRUNCATE vpn.trail",
        "DELETE FROM vpn.quarantine", "UPDATE vpn.quarantine SET address = 'x'", "UPDATE vpn.signal SET kind = 'x'",
        "SELECT * FROM public.event",
    ],
)  # fmt: skip
def test_the_role_may_not_change_what_is_recorded(mesh: VpnPlatform, statement: str) -> None:
    socket_dir = json.loads((mesh.state / "run.json").read_text())["runtime_dir"] + "/db"

    async def change() -> None:
        connection = await asyncpg.connect(host=socket_dir, user="phantommesh_vpn", database="phantommesh")
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        asyncio.run(change())


def test_unknown_paths_and_methods(mesh: VpnPlatform) -> None:
    assert mesh.vpn("/v1/nothing").status == 404
    assert mesh.vpn("/v1/peers/a/b/c").status == 404
    wrong = mesh.vpn("/v1/quarantines", "PATCH")
    assert (wrong.status, wrong.headers["allow"]) == (405, "GET")


def test_metrics_name_routes_never_paths(mesh: VpnPlatform) -> None:
    admin_urls = [item["admin_url"] for item in mesh.status()["components"] if item["component"] == "vpn-core"]
    texts = "".join(call(f"{url}/metrics").body.decode() for url in admin_urls)
    assert 'phantommesh_vpn_requests_total{route="PUT /v1/quarantines/{}",status="200"}' in texts
    assert 'phantommesh_vpn_request_seconds_bucket{le="0.0001",route="POST /v1/peers"}' in texts
    assert "process_resident_memory_bytes" in texts
    assert re.search("[0-9a-f]{8}-[0-9a-f]{4}-", texts) is None


def test_the_description_is_the_one_in_docs(mesh: VpnPlatform) -> None:
    served = mesh.vpn("/openapi.json")
    kept = (ROOT / "docs/vpn-core-openapi.json").read_bytes()
    assert served.body == kept, "python -m phantommesh.vpn_core.openapi > docs/vpn-core-openapi.json"


def test_every_answer_is_described(mesh: VpnPlatform) -> None:
    paths = mesh.vpn("/openapi.json").json()["paths"]
    answered = {(path, method, status) for path, method, status in seen if status not in (405,) and path in paths}
    assert len(answered) > 30, "this test comes last and looks at what the others saw"
    for path, method, status in answered:
        assert str(status) in paths[path][method]["responses"], (path, method, status)
    # And the other way round: each operation was seen to succeed and, where it can, to refuse.
    described = {
        (path, method, int(status))
        for path, methods in paths.items() for method, what in methods.items() for status in what["responses"]
    }  # fmt: skip
    rest = {(path, method, status) for path, method, status in described - answered if status not in (413, 503)}
    assert rest == set(), rest
