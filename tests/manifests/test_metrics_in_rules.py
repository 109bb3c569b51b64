"""Prometheus' rules, Grafana's panels and the autoscaler ask for metrics that there are."""

import json
import re
import subprocess
import sys
from functools import cache
from typing import Any

import pytest
import yaml

from manifests.objects import Manifests, at

_NAME = re.compile(r"\b(phantommesh[a-z0-9_:]*|process_[a-z_]+)\b")
_TOLD = re.compile(r"^([a-z_:0-9]+)(?:\{| )", re.MULTILINE)


@cache
def exported() -> frozenset[str]:
    """The series that replicas of both kinds export, as they tell them."""
    found: set[str] = set()
    for part, more in (("automation", "m.took('accept', 0)"), ("vpn_core", "m.answered('GET /v1/peers', 200, 0.1)")):
        program = f"from phantommesh.{part}.metrics import Metrics\nm = Metrics()\n{more}\nprint(m.text().decode())"
        told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
        found |= set(_TOLD.findall(told.stdout))
    return frozenset(found)


def _config(manifests: Manifests, beginning: str) -> dict[str, str]:
    for item in manifests.of("ConfigMap"):
        if item["metadata"]["name"].startswith(beginning):
            return dict(item["data"])
    raise AssertionError(f"there is no {beginning}")


def rules(manifests: Manifests) -> list[dict[str, Any]]:
    """All rules of Prometheus."""
    files = _config(manifests, "prometheus-config")
    groups = [
        group for name, text in files.items() if name.endswith("rules.yml") for group in yaml.safe_load(text)["groups"]
    ]
    return [rule for group in groups for rule in group["rules"]]


def test_every_metric_that_is_asked_for_is_exported_or_recorded(manifests: Manifests) -> None:
    recorded = {rule["record"] for rule in rules(manifests) if "record" in rule}
    asked = [rule["expr"] for rule in rules(manifests)]
    for text in _config(manifests, "grafana-dashboards").values():
        asked += [target["expr"] for panel in json.loads(text)["panels"] for target in panel["targets"]]
    asked += [at(trigger, "metadata", "query", default="") for item in manifests.of("ScaledObject")
              for trigger in item["spec"]["triggers"]]  # fmt: skip
    names = {name for expression in asked for name in _NAME.findall(expression)}
    assert len(names) > 8
    assert names - recorded - exported() == set()


def test_a_metric_that_there_is_not_is_found() -> None:
    assert "phantommesh_queue_depth" in exported()
    assert "phantommesh_operation_seconds_bucket" in exported()
    assert "phantommesh_queue_dept" not in exported()


def test_alerts_say_what_is_wrong_and_how_bad_it_is(manifests: Manifests) -> None:
    alerts = [rule for rule in rules(manifests) if "alert" in rule]
    assert alerts
    for alert in alerts:
        assert alert["labels"]["severity"] in ("warning", "critical"), alert["alert"]
        assert alert["annotations"]["summary"], alert["alert"]


@pytest.mark.parametrize("part", ["automation", "vpn-core"])
def test_every_replica_is_measured_by_its_name(manifests: Manifests, part: str) -> None:
    jobs = yaml.safe_load(_config(manifests, "prometheus-config")["prometheus.yml"])["scrape_configs"]
    job = next(job for job in jobs if "kubernetes_sd_configs" in job)
    assert job["kubernetes_sd_configs"] == [{"role": "pod", "namespaces": {"own_namespace": True}}]
    kept = [rule["regex"] for rule in job["relabel_configs"] if rule.get("action") == "keep"]
    targets = {rule.get("target_label") for rule in job["relabel_configs"]}
    assert {"component", "replica"} <= targets
    for workload in manifests.workloads(part):
        assert kept == ["admin"]
        assert "admin" in workload.ports()
