"""Every key of the configuration is read by the platform's code, and a key that is not is found."""

from dataclasses import field, make_dataclass
from pathlib import Path

import phantommesh
import pytest
from config_reads import keys_read, leaf_keys, modules_in
from phantommesh.config.model import Config, System

CODE = modules_in(Path(phantommesh.__file__).parent, "phantommesh")
# Read by who runs the platform, over `phantommesh config --json`: the key, and the module that asks for it.
READ_FROM_OUTSIDE = {"ml_training.schedule": Path("orchestration/model_training.py")}


def test_every_key_is_read_by_the_platform() -> None:
    unread = set(leaf_keys(Config).values()) - keys_read(CODE, Config)
    missing = sorted(unread - READ_FROM_OUTSIDE.keys())
    assert not missing, (
        f"no code outside of config/ reads {missing}: remove the key, or let the reader's type be seen "
        "(config.section.key, or a name annotated with the section's class)"
    )
    come = sorted(READ_FROM_OUTSIDE.keys() - unread)
    assert not come, f"read by the platform itself, or gone: take {come} out of READ_FROM_OUTSIDE"


@pytest.mark.parametrize(("key", "module"), READ_FROM_OUTSIDE.items())
def test_a_key_that_is_read_from_outside_is_named_there(key: str, module: Path) -> None:
    assert f'"{key}"' in (Path(phantommesh.__file__).parents[1] / module).read_text()


def test_a_planted_key_that_nothing_reads_is_found() -> None:
    planted_system = make_dataclass("System", [("fake_key_s", float, field(default=1.0))], bases=(System,), frozen=True)
    planted_system.__module__, planted_system.__qualname__ = System.__module__, System.__qualname__
    planted = make_dataclass("Config", [("system", planted_system)], frozen=True)
    planted.__module__, planted.__qualname__ = Config.__module__, Config.__qualname__
    assert set(leaf_keys(planted).values()) - keys_read(CODE, planted) - READ_FROM_OUTSIDE.keys() == {
        "system.fake_key_s"
    }


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
