"""PagerDuty: one trigger for each incident, over the Events API version 2.

Format: https://developer.pagerduty.com/docs/events-api-v2/trigger-events/ (summary at most 1,024 characters, dedup_key
255, severity one of critical, error, warning, info, an event at most 512 KB; answered 202). The API takes one event a
request, so the alerts of a batch are grouped by incident and listed in custom_details, each with its delivery_id.
The dedup_key is the incident's id: what comes later for the same incident joins the same alert there. An escalation
opens an alert of its own, since it must page somebody again.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache

import msgspec

from phantommesh.automation.channels.endpoints import PagerdutyEndpoint
from phantommesh.automation.channels.posting import Message, Posting
from phantommesh.automation.channels.wording import ids, shown, worst
from phantommesh.automation.delivery import ESCALATION, Delivery

SEVERITY = {"critical": b"critical", "high": b"error", "medium": b"warning", "low": b"info"}
_EVENT = (
    b'{"routing_key":%b,"event_action":"trigger","dedup_key":"%b%b","client":"PhantomMesh","payload":{"summary":%b,'
    b'"source":%b,"severity":"%b","class":%b,"custom_details":{"incident_id":"%b","alerts":[%b]}}}'
)
_ALERT = b'{"delivery_id":"%b","event_id":"%b","level":"%b","risk":%.2f,"source":%b}'
_encode = msgspec.json.Encoder().encode


class Pagerduty:
    """The channel `pagerduty`."""

    name = "pagerduty"
    max_batch = 200

    def __init__(self, endpoint: PagerdutyEndpoint, timeout_s: float) -> None:
        self._key = _encode(endpoint.routing_key)
        self._posting = Posting(endpoint.url, ("Content-Type: application/json",), timeout_s, accepted=202)

    async def post(self, alerts: Sequence[Delivery]) -> None:
        """See Channel.post."""
        await self._posting.post(list(self._messages(alerts)))

    def close(self) -> None:
        """See Channel.close."""
        self._posting.close()

    def _messages(self, alerts: Sequence[Delivery]) -> Iterator[Message]:
        incidents: dict[object, list[Delivery]] = {}
        for alert in alerts:
            incidents.setdefault((alert.incident_id, alert.kind), []).append(alert)
        for together in incidents.values():
            yield self._event(together), together

    def _event(self, alerts: list[Delivery]) -> bytes:
        gravest = worst(alerts)
        escalated = gravest.kind == ESCALATION
        _, _, incident = ids(gravest)
        return _EVENT % (
            self._key, incident, b"/escalation" if escalated else b"",
            _encode(_summary(gravest, len(alerts), escalated)), _json(gravest.source or "unknown"),
            SEVERITY[gravest.level], _json(shown(gravest.signature)), incident, b",".join(map(_alert, alerts)),
        )  # fmt: skip


def _summary(alert: Delivery, count: int, escalated: bool) -> str:
    what = f"{alert.level} {alert.risk:.1f}: {shown(alert.signature)} from {alert.source}"
    if escalated:
        return f"Not acknowledged in time: {what}"
    return what if count == 1 else f"{what} ({count} alerts)"


def _alert(alert: Delivery) -> bytes:
    delivery, event, _ = ids(alert)
    return _ALERT % (delivery, event, alert.level.encode(), alert.risk, _json(alert.source))


@lru_cache(4096)
def _json(text: str) -> bytes:
    return _encode(text)
