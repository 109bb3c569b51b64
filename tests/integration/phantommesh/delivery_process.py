"""A whole replica that dies, like kill -9, at a chosen step of its first delivery:
``python delivery_process.py STATE INDEX STEP CHANNEL``. CHANNEL: at whose delivery; "any": at the first of all."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uvloop
from phantommesh.automation.__main__ import _live
from phantommesh.automation.channels.email import Email
from phantommesh.automation.channels.pagerduty import Pagerduty
from phantommesh.automation.channels.slack import Slack
from phantommesh.automation.channels.sms import Sms
from phantommesh.automation.settle import Settler
from phantommesh.supervision.state import State

STEPS = ("before the post", "in the post", "after the answer", "in the mark", "after the mark")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def make_mortal(adapter: Any, step: str) -> None:
    """Have this channel's deliveries kill this process."""
    post = adapter.post

    async def mortal(self: Any, alerts: Sequence[Any]) -> None:
        if step == "before the post":
            die()
        if step == "in the post":
            under_way = asyncio.ensure_future(post(self, alerts))
            await asyncio.wait([under_way], timeout=0.001)
            die()
        await post(self, alerts)
        if step == "after the answer":
            die()

    adapter.post = mortal


def make_marks_mortal(step: str) -> None:
    settle = Settler._settle

    async def mortal(self: Settler, session: Any) -> None:
        if step == "in the mark":
            under_way = asyncio.ensure_future(settle(self, session))
            await asyncio.wait([under_way], timeout=0.0005)
            die()
        await settle(self, session)
        die()

    Settler._settle = mortal  # type: ignore[method-assign]


if __name__ == "__main__":
    folder, index, chosen, channel = sys.argv[1:]
    for kind in (Slack, Pagerduty, Email, Sms):
        if channel in (kind.name, "any"):
            make_mortal(kind, chosen)
    if chosen in STEPS[3:]:
        make_marks_mortal(chosen)
    uvloop.run(_live(State(Path(folder)), int(index)))
