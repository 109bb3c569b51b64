"""Questions through the ingress, one after the other, while something else happens."""

import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from .installation import HOST, PASSWORD, USER

_EVERY_S = 0.05
_TIMEOUT_S = 5.0


@dataclass
class Asked:
    """How the questions were answered: how many times each status, or the kind of failure. ``longest_s``: from one
    success to the next."""

    answers: Counter[str] = field(default_factory=Counter)
    longest_s: float = 0.0

    def failed(self) -> int:
        """Questions without a 200."""
        return self.answers.total() - self.answers["200"]


@contextmanager
def asking(url: str, certificate: Path) -> Iterator[Asked]:
    """Ask for incidents by turns over a new and over a kept connection while the block runs."""
    asked, over = Asked(), threading.Event()
    thread = threading.Thread(target=_ask, args=(url, certificate, asked, over))
    thread.start()
    try:
        yield asked
    finally:
        over.set()
        thread.join(2 * _TIMEOUT_S)


def _ask(url: str, certificate: Path, asked: Asked, over: threading.Event) -> None:
    trusted = ssl.create_default_context(cafile=str(certificate))
    with httpx.Client(
        base_url=url, verify=trusted, headers={"Host": HOST}, auth=(USER, PASSWORD), timeout=_TIMEOUT_S, trust_env=False
    ) as client:  # fmt: skip
        number, last_s = 0, time.monotonic()
        while not over.wait(_EVERY_S):
            headers = {"Connection": "close"} if number % 2 else {}
            try:
                answer = client.get(
                    "/incidents", params={"limit": 1}, headers=headers, extensions={"sni_hostname": HOST}
                )
                outcome = str(answer.status_code)
            except httpx.HTTPError as error:
                outcome = type(error).__name__
            asked.answers[outcome] += 1
            number += 1
            if outcome == "200":
                asked.longest_s = max(asked.longest_s, time.monotonic() - last_s)
                last_s = time.monotonic()
