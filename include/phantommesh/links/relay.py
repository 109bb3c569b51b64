"""The relay of one link: connections taken at its entries go on to what stands behind, unless a fault is in place."""

import asyncio
import socket
import struct

from phantommesh.links.endpoint import Endpoint
from phantommesh.links.fault import Fault
from phantommesh.links.flow import Flow

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER with no time: closing sends a reset
Route = tuple[Endpoint, Endpoint]


class Relay:
    """routes: where connections are taken and where each goes on to."""

    def __init__(self, routes: tuple[Route, ...]) -> None:
        self._routes = routes
        self._servers: list[asyncio.AbstractServer] = []
        self._pairs: set[_Pair] = set()
        self._lifting: asyncio.TimerHandle | None = None
        self._changing = asyncio.Lock()
        self.fault: Fault | None = None
        self.passing = asyncio.Event()
        self.passing.set()

    async def open(self) -> None:
        """Take connections. Raises OSError when an entry cannot be bound."""
        for entry, target in self._routes:
            self._servers.append(await entry.listen(lambda target=target: _Pair(self, target).near))  # type: ignore[misc]

    async def inject(self, fault: Fault) -> None:
        """Put a fault in place instead of the one before; once this returns, it is."""
        async with self._changing:
            await self._clear()
            self.fault = fault
            if fault.kind == "refuse":
                self._close()
                for pair in tuple(self._pairs):
                    pair.reset()
            if fault.kind == "drop":
                self.passing.clear()
            for pair in self._pairs:
                pair.new_pace(fault)
            loop = asyncio.get_running_loop()
            self._lifting = loop.call_later(fault.for_s, lambda: loop.create_task(self.lift()))

    async def lift(self) -> None:
        """No fault from now on."""
        async with self._changing:
            await self._clear()

    async def _clear(self) -> None:
        if self._lifting is not None:
            self._lifting.cancel()
            self._lifting = None
        refused = self.fault is not None and self.fault.kind == "refuse"
        self.fault = None
        self.passing.set()
        for pair in self._pairs:
            pair.new_pace(None)
        if refused:
            await self.open()

    def _close(self) -> None:
        for server in self._servers:
            server.close()
        self._servers.clear()
        for entry, _ in self._routes:
            entry.forget()

    def joined(self, pair: "_Pair") -> None:
        """A connection was taken."""
        self._pairs.add(pair)
        if self.fault is not None:
            pair.new_pace(self.fault)

    def left(self, pair: "_Pair") -> None:
        """A connection ended."""
        self._pairs.discard(pair)


class _Pace:
    """The pace of one direction of one connection."""

    def __init__(self) -> None:
        self.held = False
        self._latency_s = 0.0
        self._bandwidth: float | None = None
        self._free_s = 0.0

    def set(self, fault: Fault | None, connected: bool) -> None:
        self.held = not connected or (fault is not None and fault.kind == "drop")
        slow = fault if fault is not None and fault.kind == "slow" else None
        self._latency_s = slow.latency_s if slow else 0.0
        self._bandwidth = slow.bandwidth_bytes_per_s if slow else None
        self._free_s = 0.0

    def due_s(self, size: int) -> float:
        now_s = asyncio.get_running_loop().time()
        self._free_s = max(self._free_s, now_s) + (size / self._bandwidth if self._bandwidth else 0.0)
        return self._free_s + self._latency_s


class _Pair:
    """A taken connection (near) and the one that it goes on with (far)."""

    def __init__(self, relay: Relay, target: Endpoint) -> None:
        self._relay, self._target = relay, target
        self.near, self.far = _Side(self), _Side(self)
        self._onward, self._back = _Pace(), _Pace()
        self.near.into, self.far.into = self._flow(self._onward, self.far), self._flow(self._back, self.near)
        self._connected = False
        self._connecting: asyncio.Task[None] | None = None

    def taken(self, side: "_Side") -> None:
        """A side is connected; the near one first."""
        if side is self.far:
            self._connected = True
            self.new_pace(self._relay.fault)
            return
        self.new_pace(None)  # what comes before the far side is connected waits
        self._relay.joined(self)
        self._connecting = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        await self._relay.passing.wait()
        try:
            await self._target.connect(self.far)
        except OSError:
            self.reset()

    def _flow(self, pace: _Pace, to: "_Side") -> Flow:
        other = self.near if to is self.far else self.far
        return Flow(pace, to.write, lambda full: other.read(not full))

    def new_pace(self, fault: Fault | None) -> None:
        """The fault of the relay changed."""
        for pace, flow in ((self._onward, self.near.into), (self._back, self.far.into)):
            pace.set(fault, self._connected)
            if flow is not None:
                flow.at_once() if fault is None else flow.go_on()

    def reset(self) -> None:
        """Break both connections, as a peer does that is gone."""
        for side in (self.near, self.far):
            side.reset()
        self.gone()

    def gone(self) -> None:
        """One of the two connections has ended: the other does, after what is under way."""
        self._relay.left(self)
        if self._connecting is not None and not self._connecting.done():
            self._connecting.cancel()


class _Side(asyncio.Protocol):
    """One connection. into: what takes the bytes that it reads."""

    def __init__(self, pair: _Pair) -> None:
        self._pair = pair
        self._transport: asyncio.Transport | None = None
        self.into: Flow | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # of a stream: a Transport
        self._pair.taken(self)

    def data_received(self, data: bytes) -> None:
        if self.into is not None:
            self.into.put(data)

    def eof_received(self) -> bool:
        if self.into is not None:
            self.into.put(None)
        return True

    def connection_lost(self, _: Exception | None) -> None:
        if self.into is not None:
            self.into.put(None)
        other = self._pair.far if self is self._pair.near else self._pair.near
        if other.into is not None:
            other.into.end()
        self._transport = None
        self._pair.gone()

    def pause_writing(self) -> None:
        (self._pair.far if self is self._pair.near else self._pair.near).read(False)

    def resume_writing(self) -> None:
        (self._pair.far if self is self._pair.near else self._pair.near).read(True)

    def write(self, data: bytes | None) -> None:
        """Send bytes; None: close once they are out."""
        if self._transport is not None and not self._transport.is_closing():
            if data is None:
                self._transport.close()
            else:
                self._transport.write(data)

    def read(self, go_on: bool) -> None:
        """Whether to read on."""
        if self._transport is not None and not self._transport.is_closing():
            (self._transport.resume_reading if go_on else self._transport.pause_reading)()

    def reset(self) -> None:
        """End with a reset; a unix socket just ends."""
        if self._transport is None:
            return
        own = self._transport.get_extra_info("socket")
        if own is not None and own.family == socket.AF_INET:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._transport.abort()
