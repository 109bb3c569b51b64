"""Loopback ports that replicas share and keep over their restarts."""

import errno
import socket

from phantommesh.supervision.failure import PlatformError

HOST = "127.0.0.1"


def reserve(port: int) -> socket.socket:
    """Bind a port (0: a free one) for this run. Raises PlatformError when the port is taken."""
    if port:
        _refuse_taken(port)
    return bind(port)


def bind(port: int) -> socket.socket:
    """Bind a port without listening; only sockets of this user with SO_REUSEPORT can share it.

    A bound socket takes no connection, but keeps the port from being given to someone else while a replica restarts.
    Raises PlatformError when it cannot be bound.
    """
    reserved = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        reserved.bind((HOST, port))
    except OSError as error:
        reserved.close()
        raise PlatformError(_why(port, error)) from error
    return reserved


def number(reserved: socket.socket) -> int:
    """The port of a bound socket."""
    return int(reserved.getsockname()[1])


def _refuse_taken(port: int) -> None:
    # Without SO_REUSEPORT: with it, a second platform of the same user would share the port unnoticed.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)  # with SO_REUSEADDR a bind alone succeeds beside another that does not listen
        except OSError as error:
            raise PlatformError(_why(port, error)) from error


def _why(port: int, error: OSError) -> str:
    reason = {errno.EADDRINUSE: "is taken", errno.EACCES: "needs more rights than this user has"}
    text = reason.get(error.errno or 0, f"cannot be used ({error.strerror})")
    return f"port {port} on {HOST} {text}; name another with --port, or --port 0 for a free one"
