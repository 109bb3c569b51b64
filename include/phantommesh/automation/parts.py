"""What a replica is made of, and how the parts are joined: the one place that knows all of them."""

import sys
import time
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from phantommesh.automation.accepted import Accepted
from phantommesh.automation.api import PublicApp
from phantommesh.automation.assess import LEVELS
from phantommesh.automation.audit import AuditTrail
from phantommesh.automation.backlog import Backlog
from phantommesh.automation.channels.backoff import Backoff
from phantommesh.automation.channels.circuit_breaker import CircuitBreaker
from phantommesh.automation.channels.lookup import Lookup
from phantommesh.automation.channels.opening import open_channels, open_lookups
from phantommesh.automation.deliver import ChannelQueue
from phantommesh.automation.delivery import Delivery, deliveries_of
from phantommesh.automation.escalation import Escalation
from phantommesh.automation.event_requests import EventRequests
from phantommesh.automation.incidents import Incidents
from phantommesh.automation.ingest import Ingest
from phantommesh.automation.inquiry import Inquiry
from phantommesh.automation.judging import Judge
from phantommesh.automation.metrics import Metrics
from phantommesh.automation.reading import Reading
from phantommesh.automation.remediation.remediator import Remediator
from phantommesh.automation.remediation.vpn_core_client import VpnCoreClient
from phantommesh.automation.session import Connector, Session
from phantommesh.automation.settle import Settler
from phantommesh.automation.tending import tend
from phantommesh.automation.watch import Watch
from phantommesh.config.model import AlertRouting, Cache, Config
from phantommesh.placement import Placement, Sink
from phantommesh.serving import Server
from phantommesh.short_way import ShortWayProtocol
from phantommesh.supervision.channel_endpoints import channel_endpoints
from phantommesh.threat_model.threat_model import ThreatModel
from phantommesh.threat_model.valkey_cache import ValkeyCache


class Parts:
    """All of them. closing: whether connections should end after their answer (the replica drains)."""

    def __init__(
        self, name: str, placement: Placement, config: Config, models: Path, closing: Callable[[], bool]
    ) -> None:  # fmt: skip
        system, routing = config.system, config.alert_routing
        self.metrics = Metrics()
        self.backlog = Backlog(system.event_queue_size, self.metrics)
        self.connector = Connector(placement.database, config.database)
        self.threat_model = ThreatModel(
            name, config.threat_assessment, models, cache=_cache(config.cache, self.metrics.cache_failed),
            model_loaded=self.metrics.model_loaded, model_refused=self.metrics.model_refused,
        )  # fmt: skip
        self.settler = Settler(name, system.settle_linger_ms / 1000, self.backlog, self.metrics)
        self._channels = self._open_channels(placement.sink, routing)
        vpn_core = placement.vpn_core
        assert vpn_core is not None, "who remediates is placed with a vpn-core"
        client = VpnCoreClient(vpn_core.host, vpn_core.port, config.auto_remediation.call_timeout_s)
        self.remediator = Remediator(name, config.auto_remediation, client, self.connector, self.metrics.took)
        judge = Judge(config, self.threat_model, self.metrics, self.remediator.wake)
        self._ingest = Ingest(name, judge, self.backlog, system, self._due)
        self._watch = Watch(system.lease_s, self.backlog, self._channels)
        paged = [level for level in LEVELS if "pagerduty" in routing.due(level)]
        self._escalation = Escalation(
            name, self.connector, paged, routing.escalation_timeout_s, system.max_workflows, self._deliver
        )
        requests = EventRequests(self._ingest, config.limits, self.metrics)
        self.reading = Reading(placement.database, config.database, placement.replicas)
        audit = AuditTrail(self.reading, config.database.audit_readers)
        incidents = Incidents(name, self.reading, config.database.audit_readers)
        app = PublicApp(requests, audit, incidents, config.limits, closing)
        protocol = partial(ShortWayProtocol, requests.at, config.limits.max_connections, closing)
        self.public = Server(app, placement.port, protocol, placement.host)

    async def begin(self, session: Session) -> None:
        """What must be done with a new session before the replica is ready. Raises what asyncpg raises."""
        await self.settler.settle_what_is_left(session)
        await self._ingest.prepare(session)

    def at_work(self, session: Session) -> list[Coroutine[Any, Any, None]]:
        """What runs as long as a session with the database lasts."""
        return [
            self._ingest.run(session), self.settler.run(session), self._watch.run(session),
            self._escalation.run(session), self.remediator.run(session), tend(self.threat_model, session),
            self.reading.keep(), *(part for queue in self._channels.values() for part in queue.at_work()),
        ]  # fmt: skip

    def _open_channels(self, sink: Sink | None, routing: AlertRouting) -> dict[str, ChannelQueue]:
        places = channel_endpoints(sink, routing)
        adapters = open_channels(places, routing.delivery_timeout_s)
        lookups = open_lookups(places, routing.delivery_timeout_s)
        return {
            name: ChannelQueue(
                adapter, Backoff(routing.retry_backoff_s, routing.retry_backoff_max_s, routing.max_retries),
                CircuitBreaker(routing.breaker.failures, routing.breaker.open_s),
                routing.delivery_linger_ms / 1000, self.settler, _inquiry(name, lookups.get(name), routing),
            )
            for name, adapter in adapters.items()
        }  # fmt: skip

    def _due(self, fresh: list[Accepted]) -> None:
        now_ns = time.time_ns()
        for accepted in fresh:
            deliveries = deliveries_of(accepted, now_ns) if accepted.due else []
            self.backlog.begin(accepted.event.event_id, len(deliveries), accepted.event.received_at_ns)
            self._deliver(deliveries)

    def _deliver(self, deliveries: Iterable[Delivery]) -> None:
        for delivery in deliveries:
            self._channels[delivery.channel].add(delivery)


def _inquiry(name: str, lookup: Lookup | None, routing: AlertRouting) -> Inquiry | None:
    if lookup is None:
        return None
    # A question costs little: it waits no longer than a probe of a channel that is left alone.
    longest_s = min(routing.retry_backoff_max_s, max(routing.breaker.open_s, routing.retry_backoff_s))
    return Inquiry(name, lookup, Backoff(routing.retry_backoff_s, longest_s, sys.maxsize), routing.lookup_patience_s)


def _cache(settings: Cache, failed: Callable[[], None]) -> ValkeyCache | None:
    """The cache of histories, where there is one. Raises SecretError, in one line, when its password cannot be had."""
    if settings.url is None:
        return None
    password = None if settings.password is None else settings.password.reveal()
    return ValkeyCache(settings.url, settings.history_ttl_s, settings.timeout_ms / 1000, password, failed)
