"""The four adapters of a configuration, and who can be asked what it has."""

from phantommesh.automation.channels.contract import Channel
from phantommesh.automation.channels.endpoints import Endpoints
from phantommesh.automation.channels.lookup import Lookup
from phantommesh.automation.channels.pagerduty import Pagerduty
from phantommesh.automation.channels.slack import Slack
from phantommesh.automation.channels.sms import Sms


def open_channels(endpoints: Endpoints, timeout_s: float) -> dict[str, Channel]:
    """An adapter for each channel, by its name. Nothing connects before the first post."""
    from phantommesh.automation.channels.email import Email  # its library is loaded only where email is sent

    return {
        "slack": Slack(endpoints.slack, timeout_s),
        "pagerduty": Pagerduty(endpoints.pagerduty, timeout_s),
        "email": Email(endpoints.email, timeout_s),
        "sms": Sms(endpoints.sms, timeout_s),
    }


def open_lookups(endpoints: Endpoints, timeout_s: float) -> dict[str, Lookup]:
    """Those of the channels that can be asked, by their names."""
    urls = {
        "slack": endpoints.slack.lookup_url, "pagerduty": endpoints.pagerduty.lookup_url,
        "email": endpoints.email.lookup_url, "sms": endpoints.sms.lookup_url,
    }  # fmt: skip
    return {name: Lookup(url, timeout_s) for name, url in urls.items() if url is not None}
