"""The connections of one lane of reused probes: each is used in its turn and replaced when it broke."""

import socket
import ssl


class KeptConnections:
    """As many places as fit into a timeout, so that a connection is free again when its turn comes: a probe that hangs
    on one delays no other, and a target that answers on new connections alone is found out by the old ones."""

    def __init__(self, places: int) -> None:
        self._places: list[socket.socket | None] = [None] * places
        self._turn = 0
        self.replaced = 0

    def take(self) -> tuple[int, socket.socket | None]:
        """The next place and its connection. None: there is none, or it broke while nobody used it; the probe makes a
        new one, at its own cost."""
        place = self._turn
        self._turn = (place + 1) % len(self._places)
        sock, self._places[place] = self._places[place], None
        if sock is not None and not _alive(sock):
            sock.close()
            self.replaced += 1
            sock = None
        return place, sock

    def put(self, place: int, sock: socket.socket) -> None:
        """Keep the connection for the next turn of its place."""
        other, self._places[place] = self._places[place], sock
        if other is not None:
            other.close()

    def close(self) -> None:
        """Close all."""
        for sock in self._places:
            if sock is not None:
                sock.close()
        self._places = [None] * len(self._places)


def _alive(sock: socket.socket) -> bool:
    """Whether an idle connection is open and silent; what comes unasked for makes it useless, too."""
    try:
        sock.recv(1)
    except (BlockingIOError, ssl.SSLWantReadError):
        return True
    except OSError:
        return False
    return False
