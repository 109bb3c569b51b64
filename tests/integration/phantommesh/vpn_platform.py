"""A running platform with words for vpn-core, which notes what it was answered."""

import re
import uuid
from collections import Counter
from typing import Any

from .conftest import Answer, Platform

seen: Counter[tuple[str, str, int]] = Counter()


class VpnPlatform(Platform):
    """Notes which operation was answered how."""

    def vpn(self, path: str, method: str = "GET", document: Any = None) -> Answer:
        answer = super().vpn(path, method, document)
        pattern = re.sub(r"^(/v1/(\w)\w+/)[^/]+", r"\1{\2}", path.partition("?")[0])
        seen[pattern.replace("{p}", "{peer_id}").replace("{q}", "{key}"), method.lower(), answer.status] += 1
        return answer

    def add(self, **more: Any) -> dict[str, Any]:
        answer = self.vpn("/v1/peers", "POST", {"name": f"peer-{uuid.uuid4()}"} | more)
        assert answer.status == 201, answer.body
        return answer.json()

    def quarantine(self, address: str, key: str | None = None) -> dict[str, Any]:
        path = f"/v1/quarantines/{key or uuid.uuid4()}"
        answer = self.vpn(path, "PUT", {"address": address, "reason": "a test"})
        assert answer.status == 200, answer.body
        return answer.json()

    def config(self, peer: dict[str, Any]) -> str:
        return self.vpn(f"/v1/peers/{peer['peer_id']}/config").body.decode()

    def trail(self, key: str) -> list[str]:
        return [
            row[0] for row in self.query("SELECT action FROM vpn.trail WHERE key = $1 ORDER BY seq", uuid.UUID(key))
        ]
