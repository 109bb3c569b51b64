"""`phantommesh serve` and `phantommesh migrate`: what runs in a cluster, whose PostgreSQL is not a child of ours."""

import asyncio
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from phantommesh.database.schema import APP, DATABASE, VPN
from recorded_alerts import drawn_alerts

from .conftest import call, run_command, until
from .placed import HOST, PasswordServer, Placed, free_ports


@pytest.fixture(scope="module")
def postgres() -> Iterator[PasswordServer]:
    folder = Path(tempfile.mkdtemp(prefix="pm-"))
    folder.chmod(0o755)
    with free_ports(1) as (port,):
        pass  # PostgreSQL does not share a port
    started = PasswordServer(folder, port)
    try:
        started.make()
        done = run_command(*started.migrate_options())
        assert done.returncode == 0, done.stderr
        yield started
    finally:
        started.stop()
        shutil.rmtree(folder)


async def _ask(postgres: PasswordServer, user: str, password: str, statement: str, database: str = DATABASE) -> object:
    connection = await asyncpg.connect(
        host=HOST, port=postgres.port, user=user, password=password, database=database, timeout=10
    )
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


def _of_database(postgres: PasswordServer, what: str, name: str = DATABASE) -> object:
    """Something of the server's list of databases; None where the database is not in it."""
    statement = f"SELECT {what} FROM pg_database WHERE datname = '{name}'"
    return asyncio.run(_ask(postgres, "postgres", postgres.secrets["admin"], statement, "postgres"))


def test_each_service_logs_in_with_its_own_password_only(postgres: PasswordServer) -> None:
    known = postgres.secrets
    assert asyncio.run(_ask(postgres, APP, known["app"], "SELECT count(*) FROM event")) == 0
    assert asyncio.run(_ask(postgres, VPN, known["vpn"], "SELECT count(*) FROM vpn.peer")) == 0
    with pytest.raises(asyncpg.InvalidPasswordError):
        asyncio.run(_ask(postgres, APP, known["vpn"], "SELECT 1"))


def test_migrating_again_keeps_what_is_there_and_sets_a_new_password(postgres: PasswordServer, tmp_path: Path) -> None:
    before = _of_database(postgres, "oid")
    fresh = tmp_path / "fresh"
    fresh.write_text("another\n")
    done = run_command(*postgres.migrate_options(), "--vpn-password-file", str(fresh))
    assert (done.returncode, done.stderr) == (0, "")
    assert asyncio.run(_ask(postgres, VPN, "another", "SELECT 1")) == 1
    after = _of_database(postgres, "oid")
    assert before == after
    assert run_command(*postgres.migrate_options()).returncode == 0  # for the other tests


def test_a_migration_that_was_killed_in_the_middle_is_done_again(postgres: PasswordServer) -> None:
    admin = postgres.secrets["admin"]
    for statement in ("ALTER DATABASE phantommesh RENAME TO kept", "CREATE DATABASE building"):
        asyncio.run(_ask(postgres, "postgres", admin, statement, "postgres"))
    done = run_command(*postgres.migrate_options())
    assert (done.returncode, done.stderr) == (0, "")
    assert asyncio.run(_ask(postgres, APP, postgres.secrets["app"], "SELECT count(*) FROM event")) == 0
    assert _of_database(postgres, "oid", "building") is None


def test_the_database_is_the_same_on_a_server_that_was_made_for_another_encoding(postgres: PasswordServer) -> None:
    for statement in (
        "ALTER DATABASE phantommesh RENAME TO of_another_server",
        "ALTER DATABASE template1 IS_TEMPLATE false", "DROP DATABASE template1",
        "CREATE DATABASE template1 TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C' IS_TEMPLATE true",
    ):  # fmt: skip
        asyncio.run(_ask(postgres, "postgres", postgres.secrets["admin"], statement, "postgres"))
    done = run_command(*postgres.migrate_options())
    assert (done.returncode, done.stderr) == (0, "")
    assert _of_database(postgres, "pg_encoding_to_char(encoding) || ' ' || datcollate") == "UTF8 C"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (["--admin-password-file", "{app}"], "password authentication failed"),
        (["--app-password-file", "/nowhere/secret"], "--app-password-file: the file /nowhere/secret cannot be read"),
        (["--database", "127.0.0.1:1", "--wait", "0"], "port 1: the database does not answer"),
        (["--database", "host:port"], "'host:port' is not an address; write HOST[:PORT]"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(postgres: PasswordServer, change: list[str], words: str) -> None:
    done = run_command(*postgres.migrate_options(), *(part.format(app=postgres.file("app")) for part in change))
    assert done.returncode != 0
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_with_another_schema_is_refused_and_left_as_it_is(postgres: PasswordServer) -> None:
    admin = postgres.secrets["admin"]
    stamp = _of_database(postgres, "shobj_description(oid, 'pg_database')")
    asyncio.run(_ask(postgres, "postgres", admin, "COMMENT ON DATABASE phantommesh IS 'schema of old'", "postgres"))
    try:
        done = run_command(*postgres.migrate_options())
        assert done.returncode == 1
        assert "has another schema (schema of old; this version's is" in done.stderr
        assert "Traceback" not in done.stderr
    finally:
        asyncio.run(_ask(postgres, "postgres", admin, f"COMMENT ON DATABASE phantommesh IS '{stamp}'", "postgres"))


def test_the_platform_runs_around_a_postgresql_that_is_not_its_child(postgres: PasswordServer, tmp_path: Path) -> None:
    with free_ports(6) as (http, smtp, vpn, vpn_admin, api, admin):
        listen = ["--listen", HOST]
        sink = Placed(tmp_path, "sink", "sink", *listen, "--port", str(http), "--smtp-port", str(smtp),
                      "--record", str(tmp_path / "record"))  # fmt: skip
        vpn_core = Placed(
            tmp_path, "vpn-core", "vpn-core", *listen, "--port", str(vpn), "--admin-port", str(vpn_admin),
            PHANTOMMESH_DATABASE=postgres.address, PHANTOMMESH_DATABASE_PASSWORD_FILE=postgres.file("vpn"),
        )  # fmt: skip
        automation = Placed(
            tmp_path, "automation", "automation", *listen, "--port", str(api), "--admin-port", str(admin),
            "--database", postgres.address, "--database-password-file", postgres.file("app"), "--vpn-core",
            f"{HOST}:{vpn}", "--sink", f"{HOST}:{http}", "--sink-smtp-port", str(smtp), "--name", "automation-abc",
            "--models", str(tmp_path / "models"),
        )  # fmt: skip
        try:
            automation.await_ready(f"http://{HOST}:{admin}/readyz")
            vpn_core.await_ready(f"http://{HOST}:{vpn_admin}/readyz")
            sink.await_ready(f"http://{HOST}:{http}/healthz")
            alerts = drawn_alerts(60)
            for alert in alerts:
                assert call(f"http://{HOST}:{api}/v1/events", "POST", alert).status == 202
            _await_handled(f"http://{HOST}:{admin}/metrics")
            lines = [json.loads(line) for line in call(f"http://{HOST}:{http}/deliveries").body.splitlines()]
            assert {line["channel"] for line in lines if "channel" in line} >= {"slack"}
            assert call(f"http://{HOST}:{vpn}/v1/peers").status == 200
            assert [automation.end(), vpn_core.end(), sink.end()] == [0, 0, 0]
            for secret in postgres.secrets.values():
                assert secret not in automation.log.read_text() + vpn_core.log.read_text()
        finally:
            for process in (sink, vpn_core, automation):
                process.kill()
    names = asyncio.run(_ask(postgres, APP, postgres.secrets["app"], "SELECT max(replica) FROM instance"))
    assert names == "automation-abc"


def _await_handled(url: str) -> None:
    until(lambda: b"\nphantommesh_queue_depth 0.0" in call(url).body)


def test_without_a_sink_every_channel_must_be_configured(postgres: PasswordServer) -> None:
    done = run_command(
        "serve", "automation", "--database", postgres.address, "--vpn-core", f"{HOST}:1", "--listen", HOST
    )
    assert done.returncode == 1
    assert "alert_routing.endpoints.slack, alert_routing.endpoints.pagerduty" in done.stderr
    assert "name a sink with --sink" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_said_in_one_line(postgres: PasswordServer) -> None:
    done = run_command("serve", "vpn-core", "--database", postgres.address, "--listen", HOST, "--admin-port",
                       str(postgres.port))  # fmt: skip
    assert done.returncode == 1
    assert "phantommesh: cannot serve:" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_process_needs_no_secret_that_is_none_of_its_business(postgres: PasswordServer) -> None:
    configured = {"PHANTOMMESH_ALERT_ROUTING__ENDPOINTS": "{slack: {url: {file: /nowhere/slack}}}"}
    options = ["--database", postgres.address, "--listen", HOST, "--admin-port", str(postgres.port)]
    refused = run_command(
        "serve", "automation", *options, "--vpn-core", f"{HOST}:1", "--sink", f"{HOST}:1", **configured
    )
    assert refused.returncode == 1
    assert "alert_routing.endpoints.slack.url: the file /nowhere/slack cannot be read" in refused.stderr
    started = run_command("serve", "vpn-core", *options, **configured)
    assert "/nowhere/slack" not in started.stderr
    assert "cannot serve" in started.stderr  # it came as far as its port, which is PostgreSQL's
