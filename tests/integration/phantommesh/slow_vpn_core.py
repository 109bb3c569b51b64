"""A vpn-core that takes its time and counts how many ask at once."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class SlowVpnCore:
    """Takes its time, answers like vpn-core, and counts how many it is asked at once."""

    def __init__(self, answer_after_s: float) -> None:
        self._answer_after_s = answer_after_s
        self.now = self.most = self.answered = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]))
                self.now += 1
                self.most = max(self.most, self.now)
                await asyncio.sleep(self._answer_after_s)
                self.now -= 1
                self.answered += 1
                body = b'{"peer_id":null,"new":true}'
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            writer.close()


@contextmanager
def slow_vpn_core(answer_after_s: float) -> Iterator[tuple[SlowVpnCore, int]]:
    """It, and its port."""
    loop, slow = asyncio.new_event_loop(), SlowVpnCore(answer_after_s)
    server = loop.run_until_complete(asyncio.start_server(slow.talk, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield slow, server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end(server: asyncio.Server) -> None:
    server.close()
    talks = asyncio.all_tasks() - {asyncio.current_task()}
    for talk in talks:
        talk.cancel()
    await asyncio.gather(*talks, return_exceptions=True)
