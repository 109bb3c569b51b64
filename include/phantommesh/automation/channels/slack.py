"""Slack: a digest of alerts to an incoming webhook.

Format: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks and
https://docs.slack.dev/reference/block-kit/blocks/section-block (a message has at most 50 blocks, a section's text
3,000 characters, a block_id 255 and is unique in its message). Beyond what is documented, all blocks together may have
about 13,200 characters (slackapi/bolt-js issue 2509), so a message ends before. A webhook answers 200 "ok"; its errors:
https://api.slack.com/changelog/2016-05-17-changes-to-errors-for-incoming-webhooks.

Each alert is a section whose block_id is the delivery's id: by it a receiver tells a repeat.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache

import msgspec

from phantommesh.automation.channels.endpoints import SlackEndpoint
from phantommesh.automation.channels.posting import Message, Posting
from phantommesh.automation.channels.wording import ids, one_line, shown, summary
from phantommesh.automation.delivery import Delivery

MAX_BLOCKS = 50
MAX_BLOCK_BYTES = 12_000
_BLOCK = (
    b'{"type":"section","block_id":"%b","text":{"type":"mrkdwn","text":'
    b'"*%b* %.1f %b\\nincident %b event %b\\nfrom %b"}}'
)
_encode = msgspec.json.Encoder().encode


class Slack:
    """The channel `slack`."""

    name = "slack"
    max_batch = 4 * MAX_BLOCKS

    def __init__(self, endpoint: SlackEndpoint, timeout_s: float) -> None:
        self._posting = Posting(endpoint.url, ("Content-Type: application/json",), timeout_s, accepted=200)

    async def post(self, alerts: Sequence[Delivery]) -> None:
        """See Channel.post."""
        await self._posting.post(list(_messages(alerts)))

    def close(self) -> None:
        """See Channel.close."""
        self._posting.close()


def _messages(alerts: Sequence[Delivery]) -> Iterator[Message]:
    blocks: list[bytes] = []
    size, first = 0, 0
    for index, alert in enumerate(alerts):
        block = _block(alert)
        if blocks and (size + len(block) > MAX_BLOCK_BYTES or len(blocks) == MAX_BLOCKS):
            yield _message(alerts[first:index], blocks)
            blocks, size, first = [], 0, index
        blocks.append(block)
        size += len(block)
    if blocks:
        yield _message(alerts[first:], blocks)


def _message(alerts: Sequence[Delivery], blocks: list[bytes]) -> Message:
    return b'{"text":%b,"blocks":[%b]}' % (_encode(summary(alerts)), b",".join(blocks)), alerts


def _block(alert: Delivery) -> bytes:
    delivery, event, incident = ids(alert)
    level, signature = alert.level.encode(), _signature(alert.signature)
    return _BLOCK % (delivery, level, alert.risk, signature, incident, event, _source(alert.source))


@lru_cache(4096)
def _signature(text: str) -> bytes:
    return _in_json(shown(text))


@lru_cache(4096)
def _source(text: str) -> bytes:
    return _in_json(one_line(text))


def _in_json(text: str) -> bytes:
    # mrkdwn needs these three escaped: https://docs.slack.dev/messaging/formatting-message-text#escaping
    return _encode(text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))[1:-1]
