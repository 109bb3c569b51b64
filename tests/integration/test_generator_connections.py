"""The generator against servers that answer in every way that HTTP allows, and in some that it does not."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import gevent
import psutil
import pytest
from connections import Connections, Events
from load_plan import Target

REQUEST = b"POST /v1/events HTTP/1.1\r\nHost: fake\r\nContent-Length: 2\r\n\r\n{}"
ACCEPTED = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}"
TIMEOUT_S = 0.4
DEADLINE_S = 10.0
Serve = Callable[[socket.socket], None]


class Sender:
    """Sends through Connections and keeps what it is told."""

    def __init__(self, port: int, limit: int = 8) -> None:
        self.left: list[int] = []
        self.outcomes: dict[int, int | str] = {}
        self.broken: list[BaseException] = []
        target = Target("127.0.0.1", port, "fake", "/v1/events")
        self.connections = Connections(target, TIMEOUT_S, time.monotonic_ns, limit=limit)
        self.connections.tell(Events(self.left.append, self._ended, self._ended, self.broken.append))

    def _ended(self, number: int, outcome: int | str) -> None:
        assert number not in self.outcomes, "told twice"
        self.outcomes[number] = outcome

    def send(self, *numbers: int) -> None:
        for number in numbers:
            self.connections.send(number, REQUEST)

    def await_outcomes(self, count: int) -> dict[int, int | str]:
        deadline = time.monotonic() + DEADLINE_S
        while len(self.outcomes) < count and not self.broken:
            assert time.monotonic() < deadline, self.outcomes
            gevent.sleep(0.005)  # lets the event loop have its turn between two looks
        assert self.broken == []
        return self.outcomes


@contextmanager
def serving(serve: Serve) -> Iterator[tuple[int, list[int]]]:
    """A server on loopback, a thread for each connection: its port, and a list that grows by one a connection."""
    opened: list[int] = []
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:

        def accept() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return  # the test is over
                opened.append(1)
                threading.Thread(target=_guarded, args=(serve, connection), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield listening.getsockname()[1], opened
        listening.shutdown(socket.SHUT_RDWR)


def _guarded(serve: Serve, connection: socket.socket) -> None:
    with connection:
        connection.settimeout(DEADLINE_S)
        try:
            serve(connection)
        except ConnectionError:
            return  # the generator closed it, which some tests are about


def read_request(connection: socket.socket) -> bool:
    """Whether a whole request came; False at the end of the connection."""
    data = b""
    while not data.endswith(REQUEST[-6:]):
        more = connection.recv(4096)
        if not more:
            return False
        data += more
    return True


def always(answer: bytes, *, then_close: bool = False) -> Serve:
    def serve(connection: socket.socket) -> None:
        while read_request(connection):
            connection.sendall(answer)
            if then_close:
                return

    return serve


def in_pieces(connection: socket.socket) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while read_request(connection):
        for place in range(len(ACCEPTED)):
            connection.sendall(ACCEPTED[place : place + 1])


def silent(connection: socket.socket) -> None:
    while connection.recv(4096):
        pass


def late(connection: socket.socket) -> None:
    while read_request(connection):
        time.sleep(TIMEOUT_S + 0.01)  # answered after the timeout, before the next look for what is overdue
        connection.sendall(ACCEPTED)


def broken_off(connection: socket.socket) -> None:
    read_request(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


CASES: dict[str, tuple[Serve, int | str]] = {
    "kept alive": (always(ACCEPTED), 202),
    "an error status": (always(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"), 503),
    "byte by byte": (in_pieces, 202),
    "chunked": (always(b"HTTP/1.1 202 A\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"), 202),
    "until the end of the connection": (always(b"HTTP/1.0 202 A\r\n\r\n{}", then_close=True), 202),
    "an interim answer first": (always(b"HTTP/1.1 100 Continue\r\n\r\n" + ACCEPTED), 202),
    "says that it closes": (
        always(b"HTTP/1.1 202 A\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", then_close=True), 202),
    "closes without a word": (always(ACCEPTED, then_close=True), 202),
    "answers twice": (always(ACCEPTED + ACCEPTED), 202),
    "cut in the head": (always(b"HTTP/1.1 202 Acc", then_close=True), "closed"),
    "cut in the body": (always(b"HTTP/1.1 202 A\r\nContent-Length: 9\r\n\r\n{}", then_close=True), "closed"),
    "no answer and the end": (always(b"", then_close=True), "closed"),
    "not HTTP": (always(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), "protocol"),
    "reset": (broken_off, "reset"),
    "silent": (silent, "timeout"),
    "just too late": (late, "timeout"),
}  # fmt: skip


@pytest.mark.parametrize(("serve", "expected"), CASES.values(), ids=CASES.keys())
def test_each_request_is_told_once_how_it_ended(serve: Serve, expected: int | str) -> None:
    with serving(serve) as (port, _):
        sender = Sender(port)
        for number in range(4):  # one after the other, so that connections that may be used again are
            sender.send(number)
            sender.await_outcomes(number + 1)
        sender.connections.close()
    assert sender.outcomes == dict.fromkeys(range(4), expected)
    assert sender.left == [0, 1, 2, 3]


@pytest.mark.parametrize(("answer", "opened"), [(ACCEPTED, 1), (ACCEPTED + ACCEPTED, 4)])
def test_a_connection_is_used_again_unless_it_is_out_of_step(answer: bytes, opened: int) -> None:
    with serving(always(answer)) as (port, connections):
        sender = Sender(port)
        for number in range(4):
            sender.send(number)
            sender.await_outcomes(number + 1)
        sender.connections.close()
    assert len(connections) == opened


def test_nobody_listening_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    sender = Sender(port)
    sender.send(1, 2)
    assert sender.await_outcomes(2) == {1: "refused", 2: "refused"}
    sender.connections.close()


def test_what_finds_no_connection_waits_and_then_fails() -> None:
    with serving(silent) as (port, connections):
        sender = Sender(port, limit=2)
        sender.send(1, 2, 3)
        assert sender.left == [1, 2]
        outcomes = dict(sender.await_outcomes(3))
        sender.connections.close()
    # The two that time out make room just when the third has waited as long.
    assert outcomes[1] == outcomes[2] == "timeout"
    assert outcomes[3] in ("no_connection", "timeout")
    assert len(connections) in (2, 3)


def test_what_waits_goes_as_soon_as_a_connection_is_free() -> None:
    with serving(always(ACCEPTED)) as (port, connections):
        sender = Sender(port, limit=1)
        sender.send(*range(20))
        assert sender.left == [0]
        assert sender.await_outcomes(20) == dict.fromkeys(range(20), 202)
        sender.connections.close()
    assert sender.left == list(range(20))
    assert len(connections) == 1


def test_what_is_forgotten_is_never_sent() -> None:
    with serving(always(ACCEPTED)) as (port, _):
        sender = Sender(port, limit=1)
        sender.send(1, 2)
        sender.connections.forget_waiting()
        sender.await_outcomes(1)
        gevent.sleep(0)
        sender.connections.close()
    assert sender.left == [1]


def test_a_large_request_is_sent_whole() -> None:
    size = 8 * 2**20  # more than both sides' buffers hold
    got: list[int] = []

    def serve(connection: socket.socket) -> None:
        left = size
        while left:
            left -= len(connection.recv(min(left, 2**16)))
        got.append(size)
        connection.sendall(ACCEPTED)

    with serving(serve) as (port, _):
        sender = Sender(port)
        head = b"POST / HTTP/1.1\r\nHost: fake\r\nContent-Length: %d\r\n\r\n"
        body = b"x" * (size - len(head % size))
        sender.connections.send(1, head % len(body) + body)
        assert sender.await_outcomes(1) == {1: 202}
        sender.connections.close()
    assert got == [size]


def test_a_fault_of_the_program_is_told() -> None:
    with serving(always(ACCEPTED)) as (port, _):
        sender = Sender(port)
        told = RuntimeError("planted")

        def fail(number: int, status: int) -> None:  # noqa: ARG001
            raise told

        sender.connections.tell(Events(sender.left.append, fail, sender._ended, sender.broken.append))
        sender.send(1)
        deadline = time.monotonic() + DEADLINE_S
        while not sender.broken:
            assert time.monotonic() < deadline
            gevent.sleep(0.005)  # lets the event loop have its turn between two looks
        sender.connections.close()
    assert sender.broken == [told]


def test_a_target_that_accepts_nobody_keeps_no_connection_half_open() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listening:
        port = listening.getsockname()[1]
        fillers = filled(port)
        try:
            connections = Connections(Target("127.0.0.1", port, "fake", "/"), TIMEOUT_S, time.monotonic_ns, warm=3)
            before = half_open(port)
            connections.open_warm()
            assert half_open(port) == before
        finally:
            for filler in fillers:
                filler.close()


def filled(port: int) -> list[socket.socket]:
    """Connections that fill the queue of a server that accepts none; the last of them is not answered."""
    clients: list[socket.socket] = []
    while not half_open(port):
        assert len(clients) < 10, "the queue of the server has no end"
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex(("127.0.0.1", port))
        clients.append(client)
    return clients


def half_open(port: int) -> int:
    """Connections to the port that this process has begun and that nobody has accepted."""
    found = psutil.Process().net_connections("tcp")
    return sum(1 for item in found if item.raddr and item.raddr.port == port and item.status == psutil.CONN_SYN_SENT)
