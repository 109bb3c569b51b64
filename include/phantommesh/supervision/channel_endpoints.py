"""Where the channels of a run are: where they are configured to be, and at the run's own sink otherwise."""

from phantommesh.automation.channels.endpoints import (
    EmailEndpoint,
    Endpoints,
    PagerdutyEndpoint,
    SlackEndpoint,
    SmsEndpoint,
    endpoints,
)
from phantommesh.config.alert_routing import CHANNELS, AlertRouting
from phantommesh.placement import Address, Sink

# The sink believes everybody; these only have the form that it checks. Numbers 555-01xx are for examples.
_ROUTING_KEY = "sink".ljust(32, "0")
_ACCOUNT = "AC" + "0" * 32
_NO_SINK = Sink(Address("sink.invalid", 1), Address("sink.invalid", 1))  # used for no channel


def channel_endpoints(sink: Sink | None, routing: AlertRouting) -> Endpoints:
    """The endpoints of a run. sink: None: there is none, and every channel must be configured. Raises SecretError, in
    one line, when a secret cannot be had, and ValueError when a channel is nowhere."""
    if sink is not None:
        return endpoints(routing.endpoints, sink_endpoints(sink))
    if nowhere := [name for name in CHANNELS if getattr(routing.endpoints, name) is None]:
        where = ", ".join(f"alert_routing.endpoints.{name}" for name in nowhere)
        raise ValueError(f"{where}: there is no sink to deliver to instead; configure it, or name a sink with --sink")
    return endpoints(routing.endpoints, sink_endpoints(_NO_SINK))


def sink_endpoints(sink: Sink) -> Endpoints:
    """Every channel at a sink, which can be asked for all of them, email too."""
    url = sink.http.url
    lookup_url = f"{url}/deliveries/{{delivery_id}}"
    return Endpoints(
        slack=SlackEndpoint(f"{url}/slack/services/T0/B0/sink", lookup_url),
        pagerduty=PagerdutyEndpoint(f"{url}/pagerduty/v2/enqueue", _ROUTING_KEY, lookup_url),
        email=EmailEndpoint(
            sink.smtp.host, sink.smtp.port, "phantommesh@mesh.example", ("oncall@mesh.example",), lookup_url=lookup_url
        ),
        sms=SmsEndpoint(
            f"{url}/sms/2010-04-01/Accounts/{{account_sid}}/Messages.json",
            _ACCOUNT, "sink", "+12025550100", ("+12025550101",), lookup_url,
        ),
    )  # fmt: skip
