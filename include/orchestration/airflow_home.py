"""The folder of a local Airflow and the environment that its processes run with."""

import base64
import json
import os
import secrets
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from orchestration.project import PROJECT

USER = "admin"
_INHERITED = ("LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "TERM", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR")
_OURS = ("READINESS_", "PHANTOMMESH_", "AWS_")  # the last: of an archive in S3
_SETTINGS = {
    "CORE__EXECUTOR": "LocalExecutor",
    "CORE__PARALLELISM": "4",  # one process each; the default of 32 would be 32 of them
    "CORE__LOAD_EXAMPLES": "False",
    "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
    "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
    "API__HOST": "127.0.0.1",
    "API__WORKERS": "1",
    # Tasks that follow a pod outlast an API server that is away for 90 s; the default of 5 tries is 15 s.
    "WORKERS__API_RETRIES": "10",
    # Airflow runs on the machine that is measured: it looks for work once a second, and reads the DAG files once.
    "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "1",
    "SCHEDULER__TRIGGER_TIMEOUT_CHECK_INTERVAL": "5",
    "DAG_PROCESSOR__REFRESH_INTERVAL": "600",
    "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "600",
    "DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": "30",
    "DAG_PROCESSOR__PARSING_PROCESSES": "1",
    "DAG_PROCESSOR__PRINT_STATS_INTERVAL": "0",
    "USAGE_DATA_COLLECTION__ENABLED": "False",
}


@dataclass(frozen=True)
class AirflowHome:
    """``folder``: database, logs and secrets of one Airflow. ``settings``: more of Airflow's options, as
    ``SECTION__OPTION``. ``runs``: the home folder of the readiness runs."""

    folder: Path
    runs: Path
    port: int
    password: str = field(repr=False)
    keys: Mapping[str, str] = field(repr=False)
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    def environment(self, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
        """What Airflow's processes see: nothing of the caller's environment but the language, the temporary folder and
        the pipeline's own variables, so that AIRFLOW__ variables and proxies of the caller change nothing."""
        kept = {k: v for k, v in environ.items() if k in _INHERITED or k.startswith(_OURS)}
        path = [str(Path(sys.executable).parent), *environ.get("PATH", os.defpath).split(os.pathsep)]
        options = {
            **_SETTINGS,
            "CORE__DAGS_FOLDER": str(PROJECT / "dags"),
            "CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
            "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self.folder / "passwords.json"),
            "CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.folder / 'airflow.db'}",
            "LOGGING__BASE_LOG_FOLDER": str(self.logs),
            "API__PORT": str(self.port),
            "API__BASE_URL": self.url,
            **self.keys,
            **self.settings,
        }
        user = environ.get("USER") or environ.get("LOGNAME") or USER
        return {
            **kept,
            **_kubeconfig(environ),
            "PATH": os.pathsep.join(path),
            "PYTHONPATH": str(PROJECT / "include"),
            "HOME": _writable_home(environ, self.folder),
            "USER": user,
            "LOGNAME": user,
            "NO_PROXY": "*",  # on macOS also keeps a forked process from asking the system for proxies, which aborts it
            "READINESS_HOME": str(self.runs),
            "AIRFLOW_HOME": str(self.folder),
            **{f"AIRFLOW__{name}": value for name, value in options.items()},
        }


def prepare(runs: Path, settings: Mapping[str, str] | None = None, *, pods: bool = False) -> AirflowHome:
    """The Airflow of a home folder, on a free port. Passwords and keys are made once and kept, readable by the owner
    only. ``pods``: its scheduler is made ready to start stages as pods, for 120 MiB and some seconds. Raises OSError if
    the folder cannot be written."""
    runs = runs.absolute()
    folder = runs / "airflow"
    (folder / "config").mkdir(parents=True, exist_ok=True)
    local_settings = folder / "config" / "airflow_local_settings.py"
    local_settings.unlink(missing_ok=True)
    if pods:
        local_settings.write_text("import orchestration.preload\n")
    kept = folder / "secrets.json"
    if not kept.exists():
        made = {
            "password": secrets.token_urlsafe(12),
            "API__SECRET_KEY": secrets.token_hex(32),
            "API_AUTH__JWT_SECRET": secrets.token_hex(32),
            "CORE__FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        }
        _write_secret(kept, json.dumps(made))
    keys: dict[str, str] = json.loads(kept.read_text())
    password = keys.pop("password")
    _write_secret(folder / "passwords.json", json.dumps({USER: password}))
    return AirflowHome(folder, runs, free_port(), password, keys, settings or {})


def free_port() -> int:
    """A port of the loopback address that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _write_secret(path: Path, text: str) -> None:
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as sink:  # noqa: PTH123 - from birth
        sink.write(text)
    partial.replace(path)


def _kubeconfig(environ: Mapping[str, str]) -> dict[str, str]:
    """The caller's KUBECONFIG, which may be several files, for processes that run in another folder."""
    paths = [path for path in environ.get("KUBECONFIG", "").split(os.pathsep) if path]
    return {"KUBECONFIG": os.pathsep.join(str(Path(path).expanduser().absolute()) for path in paths)} if paths else {}


def _writable_home(environ: Mapping[str, str], otherwise: Path) -> str:
    home = environ.get("HOME", "")
    return home if home and os.access(home, os.W_OK) else str(otherwise)
