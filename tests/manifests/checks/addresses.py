"""Whom each process is told to reach is there."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import click
import yaml
from phantommesh.placement import Address

from manifests.checks import check
from manifests.checks.platform import OURS, configuration, options
from manifests.objects import Manifests, at

POSTGRES = 5432
_OF_A_CLUSTER = re.compile(r"(.+)-(rw|ro|r)")


@check("a process that is told a wrong address waits for it for ever")
def addresses_lead_to_services(manifests: Manifests) -> Iterator[str]:
    for where, address in (*_of_ours(manifests), *_of_others(manifests)):
        if not _is_there(manifests, address):
            yield f"{where}: there is no service at {address.host}:{address.port}"


@check("what writes to the database must be led to the instance that writes")
def the_database_is_the_one_that_writes(manifests: Manifests) -> Iterator[str]:
    name = "postgres-rw" if manifests.of("Cluster") else "postgres"
    for where, address in (*_of_ours(manifests), *_of_others(manifests)):
        if address.port == POSTGRES and address.host != name:
            yield f"{where}: is led to {address.host}, not to {name}"


def _of_ours(manifests: Manifests) -> Iterator[tuple[str, Address]]:
    for workload in manifests.workloads(*OURS):
        for where, container in workload.containers():
            try:
                given = options(container)
            except click.ClickException:
                continue  # is-started-as-its-commands-are says so
            yield from ((where, value) for value in given.values() if isinstance(value, Address))
            if isinstance(given.get("sink"), Address):
                yield where, Address(given["sink"].host, given["sink_smtp_port"])


def _of_others(manifests: Manifests) -> Iterator[tuple[str, Address]]:
    for workload in manifests.workloads():
        for where, container in workload.containers():
            for item in container.get("env", []):
                if item["name"] == "PGHOST":
                    yield where, Address(str(item.get("value")), POSTGRES)
    cache = urlsplit(str(at(configuration(manifests), "cache", "url", default="")))
    yield "ConfigMap phantommesh-config, cache.url", Address(str(cache.hostname), cache.port or 0)
    for item in manifests.of("ConfigMap"):
        for source in at(_parsed(at(item, "data", "datasources.yaml", default="")), "datasources", default=[]):
            url = urlsplit(str(source.get("url")))
            yield (
                f"ConfigMap {item['metadata']['name']}, {source.get('name')}",
                Address(str(url.hostname), url.port or 0),
            )


def _parsed(text: str) -> object:
    return yaml.load(text, yaml.CSafeLoader)


def _is_there(manifests: Manifests, address: Address) -> bool:
    namespace = f"phantommesh-{manifests.environment}"
    service = manifests.find("Service", address.host, namespace)
    if service is not None:
        return address.port in [port.get("port") for port in at(service, "spec", "ports", default=[])]
    matched = _OF_A_CLUSTER.fullmatch(address.host)  # CloudNativePG makes these
    return matched is not None and address.port == POSTGRES and manifests.find("Cluster", matched[1]) is not None
