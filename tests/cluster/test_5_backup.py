"""A dump by the nightly job, checked by the weekly one, and restored by hand into a fresh namespace: the same rows."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from recorded_alerts import drawn_alerts

from .installation import K8S, PASSWORD, PLATFORM, Installation
from .kubectl import Kubectl, until
from .loading import reached, until_drained

FRESH = "phantommesh-restored"
# By TCP: where the socket is differs from image to image.
_AS_SUPERUSER = ("env", "PGHOST=127.0.0.1", "PGUSER=postgres", f"PGPASSWORD={PASSWORD}")
EVENTS = 200
SCRIPTS = K8S / "components" / "backup"


@pytest.fixture
def with_events(ready: tuple[Installation, float], kubectl: Kubectl) -> None:
    """There is something to save."""
    url = f"{reached(kubectl, ready[0]).base_url}/v1/events"
    with httpx.Client(headers={"Content-Type": "application/json"}, timeout=10, trust_env=False) as client:
        for alert in drawn_alerts(EVENTS, step_ns=1_000_000, start_ns=time.time_ns() - 1_000_000_000):
            assert client.post(url, content=alert).status_code == 202
    until_drained(kubectl, ready[0])


@pytest.fixture
def fresh(kubectl: Kubectl, tmp_path: Path) -> Iterator[str]:
    """A namespace with an empty PostgreSQL as the base has it, and nothing else. Its pod's name."""
    (tmp_path / "kustomization.yaml").write_text(
        f"namespace: {FRESH}\nresources: [namespace.yaml, postgres]\nsecretGenerator:\n"
        f"  - {{name: phantommesh-secrets, literals: [ADMIN_PASSWORD={PASSWORD}]}}\n"
    )
    restricted = {"pod-security.kubernetes.io/enforce": "restricted"}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": FRESH, "labels": restricted}}
    (tmp_path / "namespace.yaml").write_text(json.dumps(namespace))
    subprocess.run(["cp", "-r", str(K8S / "base" / "postgres"), str(tmp_path / "postgres")], check=True)
    try:
        kubectl("apply", "--server-side", "-k", str(tmp_path))
        kubectl("rollout", "status", "statefulset/postgres", "-n", FRESH, "--timeout=120s", timeout_s=130)
        yield "postgres-0"
    finally:
        kubectl("delete", "namespace", FRESH, "--ignore-not-found", "--timeout=120s", timeout_s=130)


@pytest.mark.usefixtures("way_for_load", "with_events")
def test_what_was_dumped_is_restored_row_for_row(
    ready: tuple[Installation, float], kubectl: Kubectl, fresh: str, tmp_path: Path, figures: dict[str, Any]
) -> None:
    ready[0].add_component("backup")
    said = _finished(kubectl, "backup")
    assert "dumped" in said
    assert "all as dumped" in _finished(kubectl, "backup-check")

    dump, rows = _fetched(kubectl, tmp_path)
    began_s = time.monotonic()
    _restore(kubectl, fresh, dump)
    figures["restore of a dump, s and bytes"] = round(time.monotonic() - began_s, 1), dump.stat().st_size
    restored = _psql(kubectl, fresh, "phantommesh", (SCRIPTS / "fingerprint.sql").read_text())
    counts = {table: int(count) for table, count, *_ in (line.split("|") for line in rows.splitlines())}
    assert counts["public.event"] >= EVENTS, counts
    assert restored.splitlines() == rows.splitlines()

    _psql(kubectl, fresh, "phantommesh", "UPDATE event SET received_at_ns = received_at_ns + 1")
    changed = _psql(kubectl, fresh, "phantommesh", (SCRIPTS / "fingerprint.sql").read_text())
    assert changed.splitlines() != rows.splitlines()  # the comparison sees a nanosecond


def _finished(kubectl: Kubectl, job: str) -> str:
    """Run the job of this CronJob now; its log."""
    name = f"{job}-now"
    kubectl("create", "job", name, f"--from=cronjob/{job}", "-n", PLATFORM)

    def ended() -> Any:
        status = kubectl.json("get", "job", name, "-n", PLATFORM)["status"]
        assert not status.get("failed"), kubectl.run("logs", f"job/{name}", "-n", PLATFORM).stdout
        return status.get("succeeded")

    until(ended, 120, lambda: kubectl.run("describe", f"job/{name}", "-n", PLATFORM).stdout[-2_000:])
    return kubectl("logs", f"job/{name}", "-n", PLATFORM)


def _fetched(kubectl: Kubectl, folder: Path) -> tuple[Path, str]:
    """The newest dump and its fingerprint, from the volume, through a pod that mounts it."""
    name = "backup-reader"
    template = kubectl.json("get", "cronjob", "backup-check", "-n", PLATFORM)["spec"]["jobTemplate"]["spec"]["template"]
    template["spec"]["containers"][0]["command"] = ["sleep", "600"]
    template["spec"]["activeDeadlineSeconds"] = 600
    pod = {"apiVersion": "v1", "kind": "Pod", "spec": template["spec"]}
    pod["metadata"] = {"name": name, "namespace": PLATFORM, "labels": template["metadata"]["labels"]}
    kubectl("create", "-f", "-", text=json.dumps(pod))
    try:
        kubectl("wait", "--for=condition=Ready", f"pod/{name}", "-n", PLATFORM, "--timeout=60s")
        newest = kubectl(
            "exec", name, "-n", PLATFORM, "--", "sh", "-c", "ls -1 /backups/*.dump | sort | tail -n 1"
        ).strip()
        dump = folder / "dump"
        dump.write_bytes(kubectl.output("exec", name, "-n", PLATFORM, "--", "cat", newest))
        rows = kubectl("exec", name, "-n", PLATFORM, "--", "cat", newest.removesuffix(".dump") + ".rows")
    finally:
        kubectl("delete", "pod", name, "-n", PLATFORM, "--grace-period=0", "--force")
    return dump, rows


def _restore(kubectl: Kubectl, pod: str, dump: Path) -> None:
    kubectl("exec", pod, "-n", FRESH, "--", *_AS_SUPERUSER, "createdb", "phantommesh")
    kubectl.output(
        "exec", "-i", pod, "-n", FRESH, "--", *_AS_SUPERUSER, "pg_restore", "--exit-on-error", "--no-owner",
        "--no-privileges", "--dbname=phantommesh", data=dump.read_bytes(),
    )  # fmt: skip


def _psql(kubectl: Kubectl, pod: str, database: str, sql: str) -> str:
    return kubectl(
        "exec", "-i", pod, "-n", FRESH, "--", *_AS_SUPERUSER, "psql", "--no-psqlrc", "--quiet", "--tuples-only",
        "--no-align", "--set=ON_ERROR_STOP=1", database, text=sql,
    )  # fmt: skip
