"""``kubectl``, with the context that the environment allows and errors in one line."""

import atexit
import json
import os
import re
import subprocess
import time
from collections.abc import Callable
from functools import cache, cached_property
from pathlib import Path
from typing import Any, TypeVar

from readiness.clients.kubernetes.own_account import ACCOUNT, own_kubeconfig
from readiness.clients.kubernetes.programs import kubectl_program
from readiness.clients.target_process import TargetError
from readiness.model.kubernetes_environment import IN_CLUSTER

TOKEN = ACCOUNT / "token"
PATIENCE_S = 45.0
"""An API server that is away for half a minute, as while its node starts again, costs no run."""
ANSWER_S = 15.0
_BETWEEN_S = 1.0
_MOST_LINES = 3
_PASSING = frozenset({"unreachable", "serviceunavailable", "timeout", "internalerror"})
_SERVER_SAYS = re.compile(r"^Error from server(?: \((?P<kind>\w+)\))?: (?P<text>.*)$", re.MULTILINE)
_T = TypeVar("_T")
_NOISE = re.compile(r"Warning:|[EWI]\d{4} ")  # warnings, and the lines of its own log
_UNREACHABLE = re.compile(
    r"unable to connect to the server|the connection to the server|connection refused|no route to host|i/o timeout|"
    r"tls handshake timeout|context deadline exceeded|client\.timeout|no such host|eof$|unexpected eof|"
    r"etcdserver: request timed out",
    re.IGNORECASE | re.MULTILINE,
)


class KubectlError(TargetError):
    """The cluster did not do what was asked; one line for people. ``kind``: the API server's reason in lower case
    ("notfound", "forbidden", "conflict", "alreadyexists" ...), "unreachable" when it did not answer, "refused" when it
    was not asked, else "other"."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class Kubectl:
    """Calls in one namespace of one cluster. ``environment``: its name, for people; ``contexts``: those that may be
    used."""

    def __init__(self, environment: str, contexts: tuple[str, ...], namespace: str) -> None:
        self.environment, self.contexts, self.namespace = environment, contexts, namespace

    @cached_property
    def context(self) -> str:
        """The context in use. Raises KubectlError, before the cluster is asked anything, for one that the environment
        does not name."""
        found = IN_CLUSTER if _in_a_pod() else self._current()
        if found not in self.contexts:
            others = [name for name in self.contexts if name != IN_CLUSTER]
            choose = f"kubectl config use-context {others[0]}" if others else "run it in a pod of the cluster"
            raise KubectlError(
                "refused",
                f"the context {found} is none that may be used in the environment {self.environment}, nothing was "
                f"changed; choose one of {', '.join(self.contexts)} ({choose}), or add it to cluster.contexts",
            )
        return found

    def _current(self) -> str:
        done = _run([kubectl_program(), "config", "current-context"], None, ANSWER_S)
        name = done.stdout.strip()
        if done.returncode != 0 or not name:
            where = os.environ.get("KUBECONFIG")
            named = f"KUBECONFIG ({where})" if where else "KUBECONFIG, which is not set, and ~/.kube/config"
            raise KubectlError(
                "refused",
                f"no cluster is chosen: {named} name{'s' if where else ''} no current context; set KUBECONFIG to a "
                f"file that has one of {', '.join(self.contexts)}, the contexts of environment {self.environment}",
            )
        return name

    def command(self, *arguments: str, namespaced: bool = True) -> list[str]:
        """The whole command line. Raises KubectlError for a context that may not be used."""
        context = self.context
        where = [f"--kubeconfig={_own_kubeconfig()}"] if context == IN_CLUSTER else [f"--context={context}"]
        command = [kubectl_program(), *where]
        return [*command, *([f"--namespace={self.namespace}"] if namespaced else []), *arguments]

    def call(
        self,
        *arguments: str,
        stdin: Any = None,
        timeout_s: float = ANSWER_S,
        patience_s: float = 0.0,
        namespaced: bool = True,
    ) -> str:
        """What it printed. ``stdin``: an object, sent as JSON; ``patience_s``: for so long a server that does not
        answer is asked again, for calls that may be made twice. Raises KubectlError."""
        command = self.command(f"--request-timeout={timeout_s:g}s", *arguments, namespaced=namespaced)
        text = None if stdin is None else json.dumps(stdin)

        def ask() -> str:
            done = _run(command, text, timeout_s + ANSWER_S)
            if done.returncode == 0:
                return done.stdout
            raise self._error(done.stderr or done.stdout, done.returncode)

        return patiently(ask, patience_s)

    def json(self, *arguments: str, **options: Any) -> dict[str, Any]:
        """The object that it printed. Raises KubectlError, also for what is no JSON."""
        return self.parsed(self.call(*arguments, **options), *arguments[:2])

    def parsed(self, text: str, *arguments: str) -> dict[str, Any]:
        """The object in what a call - of these arguments - printed. Raises KubectlError."""
        try:
            found: dict[str, Any] = json.loads(text)
        except ValueError as error:
            raise KubectlError("other", f"kubectl {' '.join(arguments)} printed no JSON ({error})") from error
        return found

    def get(self, *arguments: str, patience_s: float = 0.0, namespaced: bool = True) -> dict[str, Any]:
        """``kubectl get ... -o json``."""
        return self.json("get", *arguments, "--output=json", patience_s=patience_s, namespaced=namespaced)

    def find(self, *arguments: str, patience_s: float = 0.0, namespaced: bool = True) -> dict[str, Any] | None:
        """As ``get`` of one object; None if there is none."""
        try:
            return self.get(*arguments, patience_s=patience_s, namespaced=namespaced)
        except KubectlError as error:
            if error.kind != "notfound":
                raise
            return None

    def items(self, *arguments: str, patience_s: float = 0.0, namespaced: bool = True) -> list[dict[str, Any]]:
        """As ``get`` of a list."""
        answer = self.get(*arguments, patience_s=patience_s, namespaced=namespaced)
        found: list[dict[str, Any]] = answer.get("items", [])
        return found

    def may(self, verb: str, resource: str, *, namespaced: bool = True) -> bool:
        """Whether the account in use has the right to ``resource`` ("pods", "deployments.apps/scale"). Raises
        KubectlError if that cannot be asked."""
        kind, _, part = resource.partition("/")
        asked = ["auth", "can-i", verb, kind, *([f"--subresource={part}"] if part else [])]
        command = self.command(f"--request-timeout={ANSWER_S:g}s", *asked, namespaced=namespaced)
        done = _run(command, None, 2 * ANSWER_S)
        said = done.stdout.split()
        if said and said[0] in ("yes", "no"):
            return said[0] == "yes"
        raise self._error(done.stderr or done.stdout, done.returncode)

    def _error(self, said: str, code: int) -> KubectlError:
        return self.told(*explained(said, code))

    def told(self, kind: str, text: str) -> KubectlError:
        """The error, with what to do about it."""
        where = "from this pod" if self.context == IN_CLUSTER else f"of the context {self.context}"
        if kind == "unreachable":
            text = f"the cluster {where} does not answer ({text}); is it up, and is that its address?"
        elif kind == "unauthorized":
            text = f"the cluster {where} does not accept these credentials ({text}); log in again"
        elif kind == "forbidden":
            text = f"{text}; the account needs the rights of k8s/components/readiness-rights"
        return KubectlError(kind, text)


def patiently(ask: Callable[[], _T], patience_s: float) -> _T:
    """What it returns. A server that does not answer is asked again, for so long; then, and for anything else, raises
    the KubectlError."""
    ends_s = time.monotonic() + patience_s
    while True:
        try:
            return ask()
        except KubectlError as error:
            if error.kind not in _PASSING or time.monotonic() > ends_s:
                raise
            time.sleep(_BETWEEN_S)  # between two questions; the patience is the deadline


def explained(said: str, code: int) -> tuple[str, str]:
    """Kind and text of what kubectl wrote on its standard error."""
    lines = [line.strip() for line in said.splitlines() if line.strip() and not _NOISE.match(line)]
    answers = list(_SERVER_SAYS.finditer("\n".join(lines)))
    if answers:
        texts = [found["text"] for found in answers]
        more = f" (and {len(texts) - _MOST_LINES} more)" if len(texts) > _MOST_LINES else ""
        return (answers[0]["kind"] or "other").lower(), "; ".join(dict.fromkeys(texts[:_MOST_LINES])) + more
    text = "; ".join(lines[-_MOST_LINES:]) or said.strip()[:300] or f"kubectl ended with code {code} and said nothing"
    if "(Unauthorized)" in text or "must be logged in" in text:
        return "unauthorized", text
    if _UNREACHABLE.search(said):
        return "unreachable", text
    return "other", text.removeprefix("error: ")


@cache
def _own_kubeconfig() -> Path:
    """One for all calls of this process."""
    found = own_kubeconfig()
    atexit.register(found.unlink, missing_ok=True)
    return found


def _in_a_pod() -> bool:
    """As kubectl sees it: without a kubeconfig it takes the pod's own account."""
    config = os.environ.get("KUBECONFIG") or Path.home() / ".kube" / "config"
    return bool(os.environ.get("KUBERNETES_SERVICE_HOST")) and TOKEN.is_file() and not Path(config).is_file()


def _run(command: list[str], stdin: str | None, timeout_s: float) -> subprocess.CompletedProcess[str]:
    given: dict[str, Any] = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False, **given)
    except OSError as error:
        raise KubectlError("refused", f"{command[0]} cannot be started ({error.strerror})") from error
    except subprocess.TimeoutExpired as error:
        raise KubectlError("unreachable", f"kubectl did not end within {timeout_s:g} s; is the cluster up?") from error
