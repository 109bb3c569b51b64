"""What a user of the chart may change: each value, where it stands in the objects, and what is legal."""

from dataclasses import dataclass
from typing import Any

Place = tuple[str, str, tuple[str, ...]]
"""Kind and name of an object, and a path in it; an item of a list of named things is meant by its name."""
IMAGE = {
    "type": "string", "pattern": r"^[a-z0-9./:_-]+([:@][A-Za-z0-9._:-]+)$",
    "not": {"pattern": "@sha256:0{64}$"},  # production's, until a release says its own
}  # fmt: skip
TEXT = {"type": "string", "minLength": 1}
COUNT = {"type": "integer", "minimum": 1, "maximum": 200}
SIZE = {"type": "string", "pattern": "^[1-9][0-9]*(Mi|Gi|Ti)$"}
NAME = {"type": "string", "pattern": "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"}
_AMOUNTS = {
    "type": "object", "additionalProperties": False, "required": ["cpu", "memory"],
    "properties": {"cpu": {"type": ["string", "number"]}, "memory": {"type": "string"}},
}  # fmt: skip
RESOURCES = {
    "type": "object", "additionalProperties": False, "required": ["requests", "limits"],
    "properties": {"requests": _AMOUNTS, "limits": _AMOUNTS},
}  # fmt: skip
_POD = ("spec", "template", "spec")
_JOB = ("spec", "jobTemplate", "spec", "template", "spec")
_SPREAD = (*_POD, "topologySpreadConstraints")


@dataclass(frozen=True)
class Setting:
    """A value. name: with dots; places: where it stands, alike in all of them; block: it is more than a scalar."""

    name: str
    meaning: str
    legal: dict[str, Any]
    places: tuple[Place, ...]
    block: bool = False


def _container(kind: str, workload: str, container: str, key: str, init: bool = False) -> Place:
    return (
        kind,
        workload,
        (*(_JOB if kind == "CronJob" else _POD), "initContainers" if init else "containers", container, key),
    )


_CONTAINERS = {  # a value's last word -> kind, workload, container, init
    "automation": ("Deployment", "automation", "automation", False),
    "migrate": ("Deployment", "automation", "migrate", True),
    "vpnCore": ("Deployment", "vpn-core", "vpn-core", False),
    "postgres": ("StatefulSet", "postgres", "postgres", False),
    "valkey": ("Deployment", "valkey", "valkey", False),
    "prometheus": ("StatefulSet", "prometheus", "prometheus", False),
    "grafana": ("Deployment", "grafana", "grafana", False),
    "sink": ("StatefulSet", "sink", "sink", False),
    "backup": ("CronJob", "backup", "dump", False),
    "backupCheck": ("CronJob", "backup-check", "check", False),
}
_IMAGES = {
    "automation": ("automation", "migrate", "sink"), "vpnCore": ("vpnCore",),
    "postgres": ("postgres", "backup", "backupCheck"), "valkey": ("valkey",), "prometheus": ("prometheus",),
    "grafana": ("grafana",),
}  # fmt: skip


def _of(container: str, key: str) -> Place:
    kind, workload, name, init = _CONTAINERS[container]
    return _container(kind, workload, name, key, init)


def _claim(workload: str) -> Place:
    return "StatefulSet", workload, ("spec", "volumeClaimTemplates", "0", "spec", "resources", "requests", "storage")


SETTINGS: tuple[Setting, ...] = (
    *(Setting(f"images.{name}", "By tag, or better by digest; zeros stand for the digest that a release must say.",
              IMAGE, tuple(_of(item, "image") for item in users))
      for name, users in _IMAGES.items()),
    Setting("images.postgresCluster", "Of CloudNativePG's instances.", IMAGE,
            (("Cluster", "postgres", ("spec", "imageName")),)),
    *(Setting(f"resources.{name}", "Requests and limits.", RESOURCES, (_of(name, "resources"),), block=True)
      for name in _CONTAINERS),
    Setting("resources.postgresCluster", "Of each of CloudNativePG's instances.", RESOURCES,
            (("Cluster", "postgres", ("spec", "resources")),), block=True),
    Setting("replicas.automation", "Without an autoscaler; with one it decides.", COUNT,
            (("Deployment", "automation", ("spec", "replicas")),)),
    Setting("replicas.vpnCore", "", COUNT, (("Deployment", "vpn-core", ("spec", "replicas")),)),
    Setting("replicas.prometheus", "Each measures by itself.", COUNT,
            (("StatefulSet", "prometheus", ("spec", "replicas")),)),
    Setting("spread", "DoNotSchedule: replicas are on different nodes or not started.",
            {"enum": ["DoNotSchedule", "ScheduleAnyway"]},
            tuple(("Deployment", name, (*_SPREAD, "0", "whenUnsatisfiable")) for name in ("automation", "vpn-core"))),
    Setting("storage.postgres", "Of a volume; what is there cannot be changed.", SIZE, (_claim("postgres"),)),
    Setting("storage.postgresCluster", "", SIZE, (("Cluster", "postgres", ("spec", "storage", "size")),)),
    Setting("storage.prometheus", "", SIZE, (_claim("prometheus"),)),
    Setting("storage.sink", "", SIZE, (_claim("sink"),)),
    Setting("storage.backups", "", SIZE,
            (("PersistentVolumeClaim", "backups", ("spec", "resources", "requests", "storage")),)),
    Setting("retention", "What Prometheus keeps, at most: four fifths of its volume.",
            {"type": "string", "pattern": "^[1-9][0-9]*(MB|GB)$"},
            (("StatefulSet", "prometheus", (*_POD, "containers", "prometheus", "env", "RETENTION_SIZE", "value")),)),
    Setting("archive", "Where the stages of a validation may reach their archive: rules of egress.", {"type": "array"},
            (("NetworkPolicy", "stages-to-archive", ("spec", "egress")),), block=True),
)  # fmt: skip
# What stands for a value wherever it occurs in a text, while the chart is made: token, value, meaning, legal, default.
TOKENS: tuple[tuple[str, str, str, dict[str, Any], str], ...] = (
    ("phantommesh.example", "host", "Of the ingress.", TEXT, "phantommesh.example"),
    ("phantommesh-secrets", "secrets.platform", "Passwords: secrets.env.example of an overlay has the keys.", NAME,
     "phantommesh-secrets"),
    ("ingress-users", "secrets.ingressUsers", "Who may come in, as htpasswd writes it, under the key users.", NAME,
     "ingress-users"),
    ("phantommesh-tls", "secrets.tls", "The ingress's certificate.", NAME, "phantommesh-tls"),
    ("zzz", "environment", "Of the namespaces phantommesh-... and readiness-..., and of every object's label.", NAME,
     "dev"),
)  # fmt: skip
# The chart's choices: value, meaning, legal, what tells the choice of an environment (an object, and what it says).
CHOICES: tuple[tuple[str, str, dict[str, Any], dict[str, Any], Any], ...] = (
    ("autoscaling", "hpa: by CPU and memory; keda: by queue depth, too.", {"enum": ["hpa", "keda", "none"]},
     {"HorizontalPodAutoscaler automation": "hpa", "ScaledObject automation": "keda"}, "none"),
    ("ingress", "traefik, or gateway for the Gateway API.", {"enum": ["traefik", "gateway", "none"]},
     {"IngressRoute phantommesh": "traefik", "Gateway phantommesh": "gateway"}, "none"),
    ("database", "single: one PostgreSQL; cnpg: three, by CloudNativePG.", {"enum": ["single", "cnpg"]},
     {"Cluster postgres": "cnpg"}, "single"),
    ("sink.enabled", "Alerts of channels that are not configured go to a sink: never in production.",
     {"type": "boolean"},
     {"StatefulSet sink": True}, False),
    ("channels.enabled", "Alerts leave the cluster; the secret has the channels' keys, too.", {"type": "boolean"},
     {"NetworkPolicy automation-to-channels": True}, False),
    ("backup.enabled", "A dump every night, restored every week.", {"type": "boolean"},
     {"CronJob backup": True}, False),
    ("loadBalancer.enabled", "An address for events past the ingress, without a password.", {"type": "boolean"},
     {"Service automation-external": True}, False),
)  # fmt: skip
ALERTS = ("alerts.enabled", "Prometheus has rules that call for people.", {"type": "boolean"})
CONFIG = ("config", "The platform's configuration file: --set-file config=FILE.", TEXT)
