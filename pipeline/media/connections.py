"""urllib3 connections that judge their peer before they send a byte, and that keep one deadline for a whole answer.

`urllib3` gives a timeout per socket read, so a host that drips one byte a second would hold a worker for ever; here
every read of the status line, of headers and of the body gets what is left of one deadline.
"""

from __future__ import annotations

import io
import ipaddress
import socket
import sys
import threading
import time
from contextvars import ContextVar
from http.client import HTTPResponse as RawResponse
from typing import IO, Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError
from urllib3.util.connection import create_connection

from pipeline.media.certificates import tls_context
from pipeline.media.evidence import note_connection, note_lookup, note_unreached
from pipeline.media.guards import Routes, is_public

DEADLINE: ContextVar[float] = ContextVar("biomill_fetch_deadline", default=float("inf"))
"""`time.monotonic()` at which the answer being read in this thread must be complete."""
_MAX_ADDRESSES = 4  # of one host that are tried, so that a name with a hundred dead addresses costs one URL's time


class BlockedAddressError(HTTPError):
    """A host leads to an address that is not public; nothing was sent to it."""


class UnknownHostError(HTTPError):
    """A host's name has no address; `final` tells a name that does not exist from a resolver that failed."""

    def __init__(self, message: str, final: bool) -> None:
        super().__init__(message)
        self.final = final


class _TimedReader(io.RawIOBase):
    """Reads a socket so that no single read outlasts the deadline, which may be another for head and body."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._patience = sock.gettimeout()
        self._raw: Any = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = DEADLINE.get() - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer was not complete in time")
        patience = left if self._patience is None else min(self._patience, left)
        if patience != self._sock.gettimeout():  # setting it is a system call, and most reads change nothing
            self._sock.settimeout(patience)
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedSocket:
    """The one method of a socket that `http.client.HTTPResponse` uses."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def makefile(self, _mode: str) -> IO[bytes]:
        return io.BufferedReader(_TimedReader(self._sock), 65536)


class TimedResponse(RawResponse):
    """An http.client response whose every read ends at the deadline of the current thread."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(_TimedSocket(sock), *args, **kwargs)  # type: ignore[arg-type]


def addresses_of(host: str, port: int, until: float, noted: bool = True) -> list[str]:
    """Give the addresses of a name, in the resolver's order; the system's resolver knows no time limit of ours.

    `noted`: how it ends is evidence of the resolver. Raises UnknownHostError.
    """
    found: list[list[str] | OSError | UnicodeError] = []

    def ask() -> None:
        try:
            entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.append(list(dict.fromkeys(str(entry[4][0]) for entry in entries)))
        except (OSError, UnicodeError) as error:
            found.append(error)

    try:
        ipaddress.ip_address(host)
        ask()  # an address needs no resolver, which could make us wait
    except ValueError:
        thread = threading.Thread(target=ask, name="biomill-resolve", daemon=True)
        thread.start()
        thread.join(max(0.0, until - time.monotonic()))
    answer = found[0] if found else TimeoutError("the resolver did not answer in time")
    if isinstance(answer, UnicodeError):
        raise UnknownHostError(f"{host}: not a valid name", final=True) from answer
    if noted:
        note_lookup(host, answer if isinstance(answer, OSError) else None)
    if isinstance(answer, OSError):
        missing = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}
        final = isinstance(answer, socket.gaierror) and answer.errno in missing
        raise UnknownHostError(f"{host}: {answer.strerror or answer}", final) from answer
    return answer


def dial(connection: HTTPConnection, routes: Routes) -> socket.socket:
    """Connect to the host of a urllib3 connection, or to where the recipe sends it, once its address is judged.

    Addresses are judged before connecting, so that private networks are not even probed, and the connected peer is
    judged again. Raises UnknownHostError, BlockedAddressError, ConnectTimeoutError or NewConnectionError.
    """
    host, port = connection.host.strip("[]"), int(connection.port)
    target, target_port = routes.redirected(host, port) or (host, port)
    trusted = routes.trusts(host, port)
    patience = connection.timeout if isinstance(connection.timeout, int | float) else 60.0
    until = min(time.monotonic() + patience, DEADLINE.get())
    addresses = addresses_of(target, target_port, until)
    public = [address for address in addresses if trusted or is_public(address)]
    if not public:
        raise BlockedAddressError(f"{host} has only non-public addresses: {', '.join(addresses[:3])}")
    failure: OSError = TimeoutError("no time left")
    failures: list[tuple[str, OSError]] = []
    for address in public[:_MAX_ADDRESSES]:
        left = until - time.monotonic()
        if left <= 0:
            break
        try:
            sock = create_connection((address, target_port), left, socket_options=connection.socket_options)
        except OSError as error:
            failure = error
            failures.append((address, error))
            continue
        peer = str(sock.getpeername()[0])
        if not trusted and not is_public(peer):
            sock.close()
            raise BlockedAddressError(f"{host} led to the non-public address {peer}")
        note_connection(peer)
        sys.audit("http.client.connect", connection, host, port)
        return sock
    note_unreached(host, failures)
    if isinstance(failure, TimeoutError):
        raise ConnectTimeoutError(connection, f"{host} did not accept a connection in time") from failure
    raise NewConnectionError(connection, f"{host}: {failure}") from failure


class GuardedHTTPConnection(HTTPConnection):
    """A plain connection to a judged peer."""

    routes: Routes
    peer = ""
    response_class = TimedResponse

    def _new_conn(self) -> socket.socket:
        sock = dial(self, self.routes)
        self.peer = str(sock.getpeername()[0])
        return sock


class GuardedHTTPSConnection(HTTPSConnection):
    """A TLS connection to a judged peer: the judgement comes before the handshake."""

    routes: Routes
    peer = ""
    response_class = TimedResponse

    def _new_conn(self) -> socket.socket:
        sock = dial(self, self.routes)
        self.peer = str(sock.getpeername()[0])
        return sock


class _GuardedHTTPPool(HTTPConnectionPool):
    ConnectionCls = GuardedHTTPConnection
    routes: Routes

    def _new_conn(self) -> Any:
        connection = super()._new_conn()
        assert isinstance(connection, GuardedHTTPConnection)
        connection.routes = self.routes
        return connection


class _GuardedHTTPSPool(HTTPSConnectionPool):
    ConnectionCls = GuardedHTTPSConnection
    routes: Routes

    def _new_conn(self) -> Any:
        connection = super()._new_conn()
        assert isinstance(connection, GuardedHTTPSConnection)
        connection.routes = self.routes
        return connection


class GuardedPools(PoolManager):
    """Keep-alive pools whose connections are all guarded; one TLS context, made once.

    `connections`: idle connections kept per host. Proxies are not used here: see `pipeline.media.proxied`.
    """

    def __init__(self, routes: Routes, connections: int) -> None:
        super().__init__(num_pools=64, maxsize=connections, block=False, ssl_context=tls_context(), retries=False)
        self.pool_classes_by_scheme = {"http": _GuardedHTTPPool, "https": _GuardedHTTPSPool}
        self._routes = routes

    def _new_pool(
        self, scheme: str, host: str, port: int, request_context: dict[str, Any] | None = None
    ) -> HTTPConnectionPool:
        pool = super()._new_pool(scheme, host, port, request_context)
        assert isinstance(pool, _GuardedHTTPPool | _GuardedHTTPSPool)
        pool.routes = self._routes
        return pool
