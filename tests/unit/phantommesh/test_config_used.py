"""Every key of the configuration is read by the platform's code, and a key that is not is found."""

from dataclasses import field, make_dataclass
from pathlib import Path

import phantommesh
import pytest
from config_reads import keys_read, leaf_keys, modules_in
from phantommesh.config.model import Config, System

CODE = modules_in(Path(phantommesh.__file__).parent, "phantommesh")
# Keys whose readers come with another branch, which is named beside them. Each must go when its reader has come.
NOT_READ_YET = {
    "alert_routing.escalation_timeout_s": "channels",
    "alert_routing.retry_backoff_max_s": "channels",
    "alert_routing.delivery_linger_ms": "core",
    "alert_routing.breaker.failures": "channels",
    "alert_routing.breaker.open_s": "channels",
    "alert_routing.endpoints.slack.url": "channels",
    "alert_routing.endpoints.pagerduty.url": "channels",
    "alert_routing.endpoints.pagerduty.routing_key": "channels",
    "alert_routing.endpoints.email.host": "channels",
    "alert_routing.endpoints.email.port": "channels",
    "alert_routing.endpoints.email.sender": "channels",
    "alert_routing.endpoints.email.recipients": "channels",
    "alert_routing.endpoints.email.starttls": "channels",
    "alert_routing.endpoints.email.username": "channels",
    "alert_routing.endpoints.email.password": "channels",
    "alert_routing.endpoints.sms.url": "channels",
    "alert_routing.endpoints.sms.account_sid": "channels",
    "alert_routing.endpoints.sms.sender": "channels",
    "alert_routing.endpoints.sms.recipients": "channels",
    "alert_routing.endpoints.sms.token": "channels",
    "auto_remediation.enabled": "vpn",
    "auto_remediation.risk_threshold": "core",
    "auto_remediation.dry_run": "vpn",
    "auto_remediation.max_concurrent": "vpn",
    "auto_remediation.max_retries": "vpn",
    "auto_remediation.retry_backoff_s": "vpn",
    "auto_remediation.call_timeout_s": "vpn",
    "ml_training.schedule": "ml",
    "ml_training.min_samples": "ml",
    "ml_training.eval_threshold": "ml",
    "ml_training.history_hours": "ml",
    "ml_training.models_dir": "ml",
    "system.max_workflows": "core",
    "system.max_batch": "core",
    "database.pool_min": "core",
    "database.retry.attempts": "core",
    "database.retry.backoff_s": "core",
    "cache.history_ttl_s": "ml",
    "cache.intelligence_ttl_s": "ml",
    "cache.timeout_ms": "ml",
    "cache.url": "ml",
    "cache.password": "ml",
    "limits.max_event_bytes": "core",
    "limits.max_array": "core",
    "limits.max_body_bytes": "core",
    "limits.max_connections": "core",
}


def test_every_key_is_read_by_the_platform() -> None:
    unread = set(leaf_keys(Config).values()) - keys_read(CODE, Config)
    missing = sorted(unread - NOT_READ_YET.keys())
    assert not missing, (
        f"no code outside of config/ reads {missing}: remove the key, or let the reader's type be seen "
        "(config.section.key, or a name annotated with the section's class)"
    )
    come = sorted(NOT_READ_YET.keys() - unread)
    assert not come, f"read by now, or gone: take {come} out of NOT_READ_YET"


def test_a_planted_key_that_nothing_reads_is_found() -> None:
    planted_system = make_dataclass("System", [("fake_key_s", float, field(default=1.0))], bases=(System,), frozen=True)
    planted_system.__module__, planted_system.__qualname__ = System.__module__, System.__qualname__
    planted = make_dataclass("Config", [("system", planted_system)], frozen=True)
    planted.__module__, planted.__qualname__ = Config.__module__, Config.__qualname__
    assert set(leaf_keys(planted).values()) - keys_read(CODE, planted) - NOT_READ_YET.keys() == {"system.fake_key_s"}


PREFACE = "from phantommesh.config.model import AlertRouting, Cache, Config, System\nfrom elsewhere import Logging\n"


@pytest.mark.parametrize(
    ("code", "read"),
    [
        ("def f(config: Config): return config.system.lease_s", {"system.lease_s"}),
        ("def f(config: 'Config | None'): return config.system.lease_s", {"system.lease_s"}),
        ("def f(s: System): return lambda: s.lease_s", {"system.lease_s"}),
        ("def f(config: Config):\n  s = config.system\n  return s.lease_s", {"system.lease_s"}),
        ("def f(config: Config):\n  a, s = 1, config.system\n  return s.lease_s", {"system.lease_s"}),
        ("class A:\n  def __init__(self, s: System): self._s = s\n  def g(self): return self._s.lease_s",
         {"system.lease_s"}),
        ("class W:\n  config: Config\ndef f(w: W): return w.config.cache.url", {"cache.url"}),
        ("def g() -> Config: ...\ndef f(): return g().logging.level", {"logging.level"}),
        ("def f(config: Config): return config.alert_routing.endpoints.slack.url",
         {"alert_routing.endpoints.slack.url"}),
        ("def f(config: Config): return config.database.share(3)", {"database.pool_min", "database.pool_max"}),
        ("def f(routing: AlertRouting): return routing.due('high')",
         {f"alert_routing.channels.{name}" for name in ("slack", "pagerduty", "email", "sms")}),
        ("def f(config: Config): return config.system", set()),
        ("def f(config: Config): config.system.lease_s = 1", set()),
        ("def f(config): return config.system.lease_s", set()),
        ("def f(endpoint): return endpoint.url", set()),
        ("def f(logging: Logging): return logging.level", set()),  # another class of the same name
        ("class Cache:\n  url: str\ndef f(c: Cache): return c.url", set()),
    ],
)  # fmt: skip
def test_what_counts_as_a_read(code: str, read: set[str]) -> None:
    preface = PREFACE.replace(" Cache,", "") if "class Cache" in code else PREFACE
    sources = {name: text for name, text in CODE.items() if name.startswith("phantommesh.config.")}
    assert keys_read({**sources, "example": preface + code}, Config) == read
