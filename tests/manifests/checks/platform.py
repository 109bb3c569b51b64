"""What the manifests say about the platform's processes is what those processes are: commands, ports, configuration."""

import os
from collections.abc import Iterator
from functools import cache
from typing import Any

import click
import yaml

from manifests.checks import check
from manifests.objects import Manifests, Object, Workload, at

COMPONENTS = ("automation", "vpn-core")
OURS = (*COMPONENTS, "sink")
SECRETS = "/etc/phantommesh/secrets/"
CONNECTIONS_OF_A_VPN_CORE = 6
BESIDE = 8  # three that PostgreSQL keeps for its superuser, and some for migrations, backups and people


def configuration(manifests: Manifests) -> dict[str, Any]:
    """The platform's configuration file, parsed; empty when there is none."""
    for item in manifests.of("ConfigMap"):
        if str(at(item, "metadata", "name")).startswith("phantommesh-config"):
            parsed = yaml.load(at(item, "data", "config.yaml", default=""), yaml.CSafeLoader)
            return parsed if isinstance(parsed, dict) else {}
    return {}


def options(container: Object) -> dict[str, Any]:
    """The options of a container of ours, as the command line itself understands its arguments and its environment.
    Raises click.ClickException with what the process would say."""
    environment = {item["name"]: str(item.get("value", "")) for item in container.get("env", [])}
    return dict(_options(tuple(map(str, container.get("args", []))), tuple(sorted(environment.items()))))


@cache
def _options(arguments: tuple[str, ...], environment: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    from phantommesh.cli import main

    kept = os.environ.copy()
    os.environ.update(environment)
    try:
        command: click.Command = main
        context = click.Context(main)
        rest = list(arguments)
        while isinstance(command, click.Group):
            if not rest:
                raise click.UsageError("no command")
            name, found, rest = command.resolve_command(context, rest)
            if found is None:
                raise click.UsageError(f"no command {name}")
            command, context = found, click.Context(found, info_name=name, parent=context)
        command.parse_args(context, rest)
        return context.params
    finally:
        os.environ.clear()
        os.environ.update(kept)


@check("a container that is started wrongly never becomes ready")
def is_started_as_its_commands_are(manifests: Manifests) -> Iterator[str]:
    for workload in manifests.workloads(*OURS):
        for where, container in workload.containers():
            try:
                given = options(container)
            except click.ClickException as error:
                yield f"{where}: {' '.join(container.get('args', []))}: {error.format_message()}"
                continue
            yield from _unknown_settings(where, container)
            if container.get("args", [])[:1] != ["migrate"]:
                yield from _wrong_command(where, workload, container, given)


def _unknown_settings(where: str, container: Object) -> Iterator[str]:
    from phantommesh.cli import main

    names = {str(option.envvar) for command in _commands(main) for option in command.params if option.envvar}
    for item in container.get("env", []):
        if item["name"] not in names and "__" not in item["name"]:
            yield f"{where}: nothing reads {item['name']}"


def _commands(group: click.Group) -> Iterator[click.Command]:
    for command in group.commands.values():
        if isinstance(command, click.Group):
            yield from _commands(command)
        else:
            yield command


def _wrong_command(where: str, workload: Workload, container: Object, given: dict[str, Any]) -> Iterator[str]:
    if container.get("args", [])[:2] != ["serve", workload.name]:
        yield f"{where}: runs `{' '.join(container.get('args', []))}`, not `serve {workload.name}`"
        return
    flags = {"http": "port", "admin": "admin_port", "smtp": "smtp_port"}
    listens = {name: given[flag] for name, flag in flags.items() if flag in given}
    if workload.ports() != listens:
        yield f"{where}: names the ports {workload.ports()}, but listens at {listens}"
    if not str(given.get("file")).startswith("/etc/phantommesh/config/"):
        yield f"{where}: does not read the configuration that is mounted"
    if workload.name in COMPONENTS and at(given, "database_password_file") is None:
        yield f"{where}: has no password for the database"


@check("a configuration that the platform refuses stops every replica of a rollout")
def configuration_is_good(manifests: Manifests) -> Iterator[str]:
    from pydantic import ValidationError

    found = configuration(manifests)
    try:
        config = _adapter().validate_python(found, strict=False)
    except ValidationError as error:
        for item in error.errors(include_url=False):
            yield f"ConfigMap phantommesh-config: {'.'.join(map(str, item['loc']))}: {item['msg']}"
        return
    if manifests.environment != "dev":
        yield from _is_for_production(config)


@cache
def _adapter() -> Any:
    from phantommesh.config.model import Config
    from pydantic import TypeAdapter

    return TypeAdapter(Config)


def _is_for_production(config: Any) -> Iterator[str]:
    expected = {
        "threat_assessment.risk_thresholds.critical": 9.0, "threat_assessment.risk_thresholds.high": 7.0,
        "threat_assessment.risk_thresholds.medium": 4.0, "threat_assessment.confidence_min": 0.7,
        "alert_routing.escalation_timeout_s": 3600, "alert_routing.max_retries": 3, "auto_remediation.enabled": True,
        "auto_remediation.risk_threshold": 7.0, "auto_remediation.dry_run": False,
        "auto_remediation.max_concurrent": 10, "ml_training.schedule": "00:00", "ml_training.min_samples": 1000,
        "ml_training.eval_threshold": 0.85, "system.event_queue_size": 50000, "system.dedup_window_s": 300,
        "system.max_workflows": 500, "system.worker_threads": 32,
    }  # fmt: skip
    for key, value in expected.items():
        found = config
        for part in key.split("."):
            found = getattr(found, part)
        if found != value:
            yield f"ConfigMap phantommesh-config: {key} is {found}, production's is {value}"


@check("a secret that the configuration names must be a file in the pod that reads it, and nothing else")
def configured_secrets_are_mounted(manifests: Manifests) -> Iterator[str]:
    named = set(_files(configuration(manifests)))
    for workload in manifests.workloads("automation"):
        mounted = {f"{SECRETS}{name}" for name in _paths(workload, "secrets")}
        for file in sorted(named - mounted):
            yield f"{workload.title}: ConfigMap phantommesh-config names {file}, which is not mounted"
        for file in sorted(mounted - named - {f"{SECRETS}app-password"}):
            yield f"{workload.title}: {file} is mounted, but nothing reads it"


def _files(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if set(value) == {"file"}:
            yield str(value["file"])
        for item in value.values():
            yield from _files(item)


def _paths(workload: Workload, volume: str) -> list[str]:
    return [
        item["path"]
        for found in at(workload.pod, "volumes", default=[])
        if found.get("name") == volume
        for item in at(found, "secret", "items", default=[])
    ]


@check("connections beyond PostgreSQL's bound are refused, and a replica without them is not ready")
def the_database_takes_every_connection(manifests: Manifests) -> Iterator[str]:
    most = _max_connections(manifests)
    if most is None:
        yield "postgres: states no max_connections"
        return
    pool_max = int(at(configuration(manifests), "database", "pool_max", default=0))
    for workload in manifests.workloads("automation"):
        container = workload.pod["containers"][0]
        try:
            shared_by = int(at(options(container), "replicas", default=0))
        except click.ClickException:
            return  # is-started-as-its-commands-are says so
        if shared_by <= 0:
            return
        of_vpn = sum(int(at(item.item, "spec", "replicas", default=1)) + 1 for item in manifests.workloads("vpn-core"))
        surge = max(1, pool_max // shared_by)  # one replica more while it rolls
        needed = pool_max + surge + CONNECTIONS_OF_A_VPN_CORE * of_vpn + BESIDE
        if needed > most:
            yield f"postgres: takes {most} connections, {needed} may be opened"


def _max_connections(manifests: Manifests) -> int | None:
    for workload in manifests.workloads("postgres"):
        for _, container in workload.containers(init=False):
            for argument in container.get("args", []):
                if str(argument).startswith("-cmax_connections="):
                    return int(str(argument).partition("=")[2])
    for cluster in manifests.of("Cluster"):
        found = at(cluster, "spec", "postgresql", "parameters", "max_connections")
        return None if found is None else int(found)
    return None
