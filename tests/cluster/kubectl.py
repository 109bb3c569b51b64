"""kubectl, and what its answers mean."""

import ipaddress
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

MAY_BE_TESTED = tuple(ipaddress.ip_network(text) for text in ("127.0.0.0/8", "198.18.0.0/15"))


class NoClusterError(Exception):
    """There is no cluster to test on; the message is one line that says what to do."""


@dataclass(frozen=True)
class Kubectl:
    """The program, and the kubeconfig that every call is given."""

    program: str
    kubeconfig: str

    def run(self, *arguments: str, text: str = "", timeout_s: float = 120) -> "subprocess.CompletedProcess[str]":
        """Its outcome, whatever it is. ``text``: standard input."""
        return subprocess.run(
            [self.program, *arguments], input=text, env=os.environ | {"KUBECONFIG": self.kubeconfig},
            capture_output=True, text=True, timeout=timeout_s, check=False,
        )  # fmt: skip

    def __call__(self, *arguments: str, text: str = "", timeout_s: float = 120) -> str:
        """What it prints. Fails with what it says."""
        done = self.run(*arguments, text=text, timeout_s=timeout_s)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr or done.stdout}"
        return done.stdout

    def output(self, *arguments: str, data: bytes = b"", timeout_s: float = 120) -> bytes:
        """As a call, for what is no text."""
        done = subprocess.run(
            [self.program, *arguments], input=data, env=os.environ | {"KUBECONFIG": self.kubeconfig},
            capture_output=True, timeout=timeout_s, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr.decode(errors='replace')}"
        return done.stdout

    def json(self, *arguments: str) -> Any:
        """The object or the list of objects that it prints."""
        return json.loads(self(*arguments, "-o", "json"))

    def items(self, *arguments: str) -> list[Mapping[str, Any]]:
        """The objects of a list."""
        found: list[Mapping[str, Any]] = self.json("get", *arguments)["items"]
        return found


def kubectl_of_the_cluster() -> Kubectl:
    """Raises NoClusterError: no KUBECONFIG, an address that is not to be tested, nobody there."""
    kubeconfig = os.environ.get("KUBECONFIG", "")
    if not kubeconfig or not Path(kubeconfig).is_file():
        raise NoClusterError("KUBECONFIG must name the kubeconfig of a cluster that may be tested (kind, for example)")
    own = Path(sys.executable).parent / "kubectl"
    program = str(own) if own.is_file() else shutil.which("kubectl")
    if program is None:
        raise NoClusterError("kubectl is not there; run: make setup")
    kubectl = Kubectl(program, kubeconfig)
    server = kubectl("config", "view", "--minify", "-o", "jsonpath={.clusters[0].cluster.server}")
    host = urlsplit(server).hostname or ""
    try:
        allowed = host == "localhost" or any(ipaddress.ip_address(host) in network for network in MAY_BE_TESTED)
    except ValueError:
        allowed = False
    if not allowed:
        raise NoClusterError(
            f"the cluster of {kubeconfig} is at {server}; tests break things, and only on this machine"
        )
    done = kubectl.run("get", "--raw=/readyz", timeout_s=20)
    if done.returncode:
        raise NoClusterError(f"the cluster at {server} does not answer: {done.stderr.strip().splitlines()[-1]}")
    return kubectl


def until(condition: Callable[[], Any], patience_s: float, otherwise: Callable[[], str]) -> float:
    """Wait for it; the seconds it took. Fails with ``otherwise()``."""
    began_s = time.monotonic()
    while not condition():
        assert time.monotonic() - began_s < patience_s, f"not within {patience_s:g} s: {otherwise()}"
        time.sleep(0.2)  # between two questions
    return time.monotonic() - began_s
