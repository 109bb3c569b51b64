"""The ingress of a platform in a cluster: how it is reached, and what it answers.

What proves who we are is read here and put into requests; it is shown nowhere, in no error either.
"""

import base64
import http.client
import ipaddress
import os
import socket
import ssl
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from readiness.clients.address import AddressError, require_allowed
from readiness.model.ingress import Elsewhere, Ingress

READ_PATH = "/v1/incidents?limit=1"
_ANSWER_S = 5.0
_KEY = "cluster.ingress"
_WHY = {
    403: "it lets this user do nothing",
    404: "it has no route for {host}",
    429: "its limit of rate is reached",
    502: "no replica answers behind it",
    503: "no replica is ready behind it",
    504: "no replica answers in time behind it",
}


class IngressError(Exception):
    """The ingress cannot be reached as the environment file says; one line for people."""


@dataclass(frozen=True)
class WayIn:
    """The ingress, ready for requests. ``url``: by the number of its address, so that what was allowed is what is
    asked; ``host``: the name that it is asked for; ``also``: its address where only the environment's networks allow
    it; ``authorization``: the value of that header, empty without one."""

    url: str
    host: str
    also: tuple[str, ...]
    tls: ssl.SSLContext = field(repr=False)
    authorization: str = field(default="", repr=False)

    @property
    def where(self) -> tuple[str, int]:
        """Numeric address and port."""
        parts = urlsplit(self.url)
        return str(parts.hostname), int(parts.port or 443)


def way_in(ingress: Ingress, networks: Collection[str]) -> WayIn:
    """The ingress as the environment file names it; nothing is sent. ``networks``: those of the environment. Raises
    IngressError: a value that is not there, a certificate that is none, an address that may not be measured."""
    url, also = _numeric(ingress, networks)
    return WayIn(url, ingress.host, also, _tls(ingress), _authorization(ingress))


def status_through(way: WayIn) -> int:
    """HTTP status of a read request. Raises IngressError with the cause where there is no answer."""
    proof = f"Authorization: {way.authorization}\r\n" if way.authorization else ""
    return answer_through(
        way, f"GET {READ_PATH} HTTP/1.1\r\nHost: {way.host}\r\n{proof}Connection: close\r\n\r\n".encode()
    )


def answer_through(way: WayIn, request: bytes) -> int:
    """HTTP status of the answer to a whole request, sent once. Raises IngressError as status_through."""
    try:
        with socket.create_connection(way.where, _ANSWER_S) as plain, \
             way.tls.wrap_socket(plain, server_hostname=way.host) as encrypted:  # fmt: skip
            encrypted.sendall(request)
            answer = http.client.HTTPResponse(encrypted)
            answer.begin()
            return answer.status
    except ssl.SSLCertVerificationError as error:
        raise IngressError(
            f"the ingress at {way.url} is not believed to be {way.host} ({error.verify_message.rstrip('.')}); name who "
            f"signed its certificate under {_KEY}.certificate, or give it that of {way.host}"
        ) from error
    except ssl.SSLError as error:
        raise IngressError(
            f"the ingress at {way.url} speaks no TLS ({error.reason or 'the connection ended'})"
        ) from error
    except TimeoutError as error:
        raise IngressError(f"the ingress at {way.url} does not answer within {_ANSWER_S:g} s") from error
    except (OSError, http.client.HTTPException) as error:
        said = getattr(error, "strerror", None) or type(error).__name__
        raise IngressError(
            f"the ingress at {way.url} does not answer ({said}); see that it runs, and {_KEY}.url"
        ) from error


def refusal(way: WayIn, status: int) -> str:
    """Why an answer is none of a healthy API, in words; empty for a success."""
    if 200 <= status < 300:
        return ""
    if status == 401:
        why = f"it refuses the user or the password, {_KEY}.user and .password" if way.authorization else (
            f"it wants a user and a password, and {_KEY} names none")  # fmt: skip
    else:
        why = _WHY.get(status, "that is no success").format(host=way.host)
    return f"the ingress at {way.url} answers HTTP {status}: {why}"


def _numeric(ingress: Ingress, networks: Collection[str]) -> tuple[str, tuple[str, ...]]:
    parts = urlsplit(ingress.url)
    try:
        port = parts.port or 443
        found = sorted({str(info[4][0]) for info in socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)})
    except ValueError as error:
        raise IngressError(f"{_KEY}.url: {ingress.url} has no port that there is") from error
    except OSError as error:
        raise IngressError(f"{_KEY}.url: the host of {ingress.url} is not known ({error.strerror})") from error
    named = [ipaddress.ip_network(text) for text in networks]
    also = tuple(text for text in found if any(_within(text, network) for network in named))
    try:
        require_allowed(ingress.url, also)
    except AddressError as error:
        raise IngressError(f"{_KEY}.url: {error}, and what lies in a network under cluster.networks") from error
    host = f"[{found[0]}]" if ":" in found[0] else found[0]
    return f"https://{host}:{port}", also


def _within(text: str, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    address = ipaddress.ip_address(text)
    return address.version == network.version and address in network


def _tls(ingress: Ingress) -> ssl.SSLContext:
    if ingress.certificate is None:
        context = ssl.create_default_context()
    else:
        pem = _value(ingress, "certificate", ingress.certificate)
        try:
            context = ssl.create_default_context(cadata=pem)
        except (ssl.SSLError, ValueError) as error:
            raise IngressError(f"{_KEY}.certificate: what it names is no certificate in PEM") from error
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # a certificate that another one signed, believed alone
    if ingress.unverified is not None:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return context


def _authorization(ingress: Ingress) -> str:
    """As RFC 7617 has it."""
    if ingress.user is None or ingress.password is None:
        return ""
    user, password = _value(ingress, "user", ingress.user), _value(ingress, "password", ingress.password)
    if ":" in user:
        raise IngressError(f"{_KEY}.user: a user's name has no colon")
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _value(ingress: Ingress, key: str, where: Elsewhere) -> str:
    if where.env is not None:
        value = os.environ.get(where.env, "").strip()
        if not value:
            pods = f"the secret {ingress.secret}" if ingress.secret else f"a secret that {_KEY}.secret names"
            raise IngressError(f"{_KEY}.{key}: the variable {where.env} is not set here; export it (the "
                               f"stages' pods have it from {pods})")  # fmt: skip
        return value
    assert where.file is not None
    try:
        value = Path(where.file).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise IngressError(f"{_KEY}.{key}: {where.file} cannot be read ({why})") from error
    if not value:
        raise IngressError(f"{_KEY}.{key}: {where.file} is empty")
    return value
