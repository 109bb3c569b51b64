"""Secrets: where they are, who sees them."""

import base64
import re
from collections.abc import Iterator

from manifests.checks import check
from manifests.objects import Manifests, Workload, at, title

# workload -> container -> the secrets that its files hold.
_CHANNELS = {"SLACK_URL", "PAGERDUTY_KEY", "SMTP_PASSWORD", "SMS_TOKEN"}
_TELLS = re.compile(r"password|passwd|secret|token|api_?key|credential", re.IGNORECASE)


def needs(environment: str) -> dict[str, dict[str, set[str]]]:
    """What each container must know."""
    channels = set() if environment == "dev" else _CHANNELS
    # Where an operator makes the superuser's password, it is the only thing in a secret of its own.
    superuser = "password" if environment == "prod" else "ADMIN_PASSWORD"
    return {
        "automation": {
            "automation": {"APP_PASSWORD", "VALKEY_PASSWORD", *channels},
            "migrate": {superuser, "APP_PASSWORD", "VPN_PASSWORD"},
        },
        "vpn-core": {"vpn-core": {"VPN_PASSWORD"}},
        "postgres": {"postgres": {"ADMIN_PASSWORD"}},
        "valkey": {"valkey": {"VALKEY_PASSWORD"}},
        "grafana": {"grafana": {"GRAFANA_PASSWORD"}},
        "backup": {"dump": {superuser}},
    }


@check("who need not know a secret must not have it")
def secrets_go_where_they_are_needed(manifests: Manifests) -> Iterator[str]:
    for workload in manifests.workloads():
        wanted = needs(manifests.environment).get(workload.name, {})
        for where, container in workload.containers():
            has = set(_mounted(workload, container.get("volumeMounts", [])))
            missing = wanted.get(str(container.get("name")), set())
            for key in sorted(has - missing):
                yield f"{where}: knows {key}"
            for key in sorted(missing - has):
                yield f"{where}: does not know {key}"


def _mounted(workload: Workload, mounts: list[dict[str, str]]) -> Iterator[str]:
    names = {mount.get("name") for mount in mounts}
    for volume in at(workload.pod, "volumes", default=[]):
        if volume.get("name") in names and "secret" in volume:
            yield from [item["key"] for item in at(volume, "secret", "items", default=[])] or ["everything"]


@check("a file of secrets that others can read, or that can be written")
def secret_files_are_read_only(manifests: Manifests) -> Iterator[str]:
    for workload in manifests.workloads():
        secret = {volume.get("name") for volume in at(workload.pod, "volumes", default=[]) if "secret" in volume}
        for volume in at(workload.pod, "volumes", default=[]):
            if "secret" in volume and at(volume, "secret", "defaultMode") not in (0o440, 0o400):
                yield f"{workload.title}: everybody can read the files of {volume.get('name')}"
            if "secret" in volume and at(volume, "secret", "optional"):
                yield f"{workload.title}: starts without the secrets of {volume.get('name')}"
        if secret and not isinstance(at(workload.pod, "securityContext", "fsGroup"), int):
            yield f"{workload.title}: has no fsGroup, so that it cannot read its secrets"
        for where, container in workload.containers():
            for mount in container.get("volumeMounts", []):
                if mount.get("name") in secret and mount.get("readOnly") is not True:
                    yield f"{where}: mounts {mount.get('name')} to write"


@check("what is in the environment is in every dump of it, and in every child")
def secrets_are_not_in_the_environment(manifests: Manifests) -> Iterator[str]:
    for workload in manifests.workloads():
        for where, container in workload.containers():
            for item in container.get("env", []):
                if _TELLS.search(item["name"]) and not str(item.get("value", "")).startswith("/"):
                    yield f"{where}: {item['name']} holds more than a path"
    for item in manifests.of("ConfigMap"):
        for key, text in (item.get("data") or {}).items():
            for line in str(text).splitlines():
                name, colon, value = line.partition(":")
                if (
                    colon
                    and _TELLS.search(name)
                    and value.strip()
                    and not value.strip().startswith(("{file:", "/", "#"))
                ):
                    yield f"{title(item)}: {key}: {name.strip()} holds more than a path"


@check("a secret in these files is a secret in git: here are only what examples say")
def no_secret_is_in_git(manifests: Manifests) -> Iterator[str]:
    for item in manifests.of("Secret"):
        if "stringData" in item:
            yield f"{title(item)}: is written out"
        for key, text in (item.get("data") or {}).items():
            value = base64.b64decode(text).decode(errors="replace")
            if "change-me" not in value and "/change/me/now" not in value and "change.me" not in value:
                yield f"{title(item)}: {key} is no example"
        if not re.fullmatch(r"(phantommesh-secrets|ingress-users)-[a-z0-9]{10}", str(at(item, "metadata", "name"))):
            yield f"{title(item)}: its name does not follow its content, so that a new secret restarts nothing"


@check("a configuration that changes without its name changing restarts nothing")
def configuration_is_named_by_its_content(manifests: Manifests) -> Iterator[str]:
    for item in manifests.of("ConfigMap"):
        if not re.search(r"-[a-z0-9]{10}$", str(at(item, "metadata", "name"))):
            yield f"{title(item)}: its name does not follow its content"
