"""Where the channels of a run are: where they are configured to be, and at the run's own sink otherwise."""

from phantommesh.automation.channels.endpoints import (
    EmailEndpoint,
    Endpoints,
    PagerdutyEndpoint,
    SlackEndpoint,
    SmsEndpoint,
    endpoints,
)
from phantommesh.config.alert_routing import AlertRouting
from phantommesh.supervision.ports import HOST
from phantommesh.supervision.state import Run

# The sink believes everybody; these only have the form that it checks. Numbers 555-01xx are for examples.
_ROUTING_KEY = "sink".ljust(32, "0")
_ACCOUNT = "AC" + "0" * 32


def channel_endpoints(run: Run, routing: AlertRouting) -> Endpoints:
    """The endpoints of a run. Raises SecretError, in one line, when a secret cannot be had."""
    return endpoints(routing.endpoints, sink_endpoints(run))


def sink_endpoints(run: Run) -> Endpoints:
    """Every channel at the run's sink, which can be asked for all of them, email too."""
    lookup_url = f"{run.sink_url}/deliveries/{{delivery_id}}"
    return Endpoints(
        slack=SlackEndpoint(f"{run.sink_url}/slack/services/T0/B0/sink", lookup_url),
        pagerduty=PagerdutyEndpoint(f"{run.sink_url}/pagerduty/v2/enqueue", _ROUTING_KEY, lookup_url),
        email=EmailEndpoint(
            HOST, run.sink_smtp_port, "phantommesh@mesh.example", ("oncall@mesh.example",), lookup_url=lookup_url
        ),
        sms=SmsEndpoint(
            f"{run.sink_url}/sms/2010-04-01/Accounts/{{account_sid}}/Messages.json",
            _ACCOUNT, "sink", "+12025550100", ("+12025550101",), lookup_url,
        ),
    )  # fmt: skip
