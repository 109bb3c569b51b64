"""The yardstick: the closed-loop user that a load test usually has. It waits for each answer before it sends again,
so a stall of the server stops the user, and most of what real clients would have suffered is never sent."""

import os
from pathlib import Path

from locust import FastHttpUser, constant_throughput, task


class ClosedLoopUser(FastHttpUser):
    """One of several users that share the mean rate."""

    wait_time = constant_throughput(float(os.environ["CLOSED_LOOP_RATE_PER_USER"]))

    def on_start(self) -> None:
        Path(os.environ["CLOSED_LOOP_MARK"]).touch()

    @task
    def send(self) -> None:
        """One event, as Locust's own examples send it."""
        self.client.post("/v1/events", data=b"{}", headers={"Content-Type": "application/json"})
