"""The adapters against a channel's service that answers as it must not, or in part."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from due_alerts import Alert, several
from phantommesh.automation.channels.contract import Channel, ChannelError
from phantommesh.automation.channels.endpoints import PagerdutyEndpoint, SmsEndpoint
from phantommesh.automation.channels.pagerduty import Pagerduty
from phantommesh.automation.channels.sms import Sms


def answering(answers: Callable[[bytes], bytes], adapter_of: Callable[[str], Channel], alerts: list[Alert]) -> int:
    """Post to a server that answers each request as told (b"": hangs up); returns over how many connections."""
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            answer = answers(await reader.readexactly(length))
            if not answer:
                break
            writer.write(answer)
        writer.close()

    async def quietly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except asyncio.IncompleteReadError:
            writer.close()

    async def post() -> None:
        server = await asyncio.start_server(quietly, "127.0.0.1", 0)
        channel = adapter_of(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v2/enqueue?a=%20b")
        try:
            await channel.post(alerts)
        finally:
            channel.close()
            server.close()

    asyncio.run(post())
    return connections


def pagerduty(url: str) -> Channel:
    return Pagerduty(PagerdutyEndpoint(url, "k" * 32), 2)


def test_many_events_share_a_few_connections() -> None:
    connections = answering(
        lambda _: b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        pagerduty, [Alert() for _ in range(200)],
    )  # fmt: skip
    assert connections == 4


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 429 -\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", b"nonsense"])
def test_what_was_taken_before_a_failure_is_told(answer: bytes) -> None:
    alerts = [Alert() for _ in range(60)]
    poison = str(alerts[33].delivery_id).encode()
    good = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
    taken: list[bytes] = []

    def reply(body: bytes) -> bytes:
        if poison in body:
            return answer
        taken.append(body)
        return good

    with pytest.raises(ChannelError) as failure:
        answering(reply, pagerduty, alerts)
    assert failure.value.retry
    assert failure.value.retry_after_s == (7 if b"429" in answer else None)
    told = {str(item.delivery_id) for item in failure.value.taken}
    really = {str(item.delivery_id) for item in alerts if any(str(item.delivery_id).encode() in b for b in taken)}
    assert told <= really
    assert 59 - len(told) <= 14  # what stood behind the failure on its connection
    assert str(alerts[33].delivery_id) not in told
    # Who says 429 has not taken it; who hangs up or talks nonsense may have.
    doubtful = {str(item.delivery_id) for item in failure.value.doubtful}
    surely_not = {poison.decode()} if b"429" in answer else set()
    assert doubtful | told == {str(item.delivery_id) for item in alerts} - surely_not
    assert not doubtful & told


@pytest.mark.parametrize(("status", "doubtful"), [(400, 0), (401, 0), (429, 0), (500, 1), (503, 1), (504, 1)])
def test_only_an_answer_of_the_server_s_own_trouble_leaves_doubt(status: int, doubtful: int) -> None:
    with pytest.raises(ChannelError) as failure:
        answering(lambda _: b"HTTP/1.1 %d -\r\nContent-Length: 0\r\n\r\n" % status, pagerduty, [Alert()])
    assert len(failure.value.doubtful) == doubtful


def test_an_sms_that_somebody_has_leaves_no_doubt() -> None:
    """One number was reached, the other's answer is missing, and there is a message that nobody took."""
    alerts = several("numbers", 40)
    first = str(alerts[0].delivery_id).encode()

    def reply(body: bytes) -> bytes:
        if first not in body:
            return b"HTTP/1.1 500 -\r\nContent-Length: 0\r\n\r\n"
        status = b"201" if b"0101" in body else b"500"
        return b"HTTP/1.1 %b -\r\nContent-Length: 0\r\n\r\n" % status

    endpoint = SmsEndpoint("", "AC1", "t", "+12025550100", ("+12025550101", "+12025550102"))
    with pytest.raises(ChannelError) as failure:
        answering(reply, lambda url: Sms(replace(endpoint, url=url), 2), alerts)
    taken = [item.delivery_id for item in failure.value.taken]
    assert alerts[0].delivery_id in taken
    assert taken + [item.delivery_id for item in failure.value.doubtful] == [item.delivery_id for item in alerts]


def test_an_endless_answer_is_cut_off() -> None:
    endless = b"HTTP/1.1 202 -\r\nTransfer-Encoding: chunked\r\n\r\n" + b"%x\r\n%b\r\n" % (2**21, b"x" * 2**21)
    with pytest.raises(ChannelError, match="an answer of over"):
        answering(lambda _: endless, pagerduty, [Alert()])
