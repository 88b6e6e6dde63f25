"""urllib3 connections that judge their peer before they send a byte, and that are used again only when it is safe.

What is read from them passes through `pipeline.media.http.framing`, which keeps one deadline for a whole answer and
knows whether it was read to its end.
"""

from __future__ import annotations

import ipaddress
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError
from urllib3.util.connection import create_connection

from pipeline.media.http.certificates import tls_context
from pipeline.media.http.framing import FramedResponse
from pipeline.media.http.guards import DEFAULT_PORTS, Routes, is_public
from pipeline.media.http.idle import LongestIdle
from pipeline.media.http.reachability import note_connection, note_lookup, note_unreached
from pipeline.media.http.timed_reader import DEADLINE

FRESH: ContextVar[bool] = ContextVar("biomill_fetch_fresh", default=False)
"""Whether requests of this thread get a connection that carried no answer before."""
_LINGER = 0.002  # seconds of silence that are listened to behind an answer on a used connection
_LINGER_SPARE = 0.02  # where the host has other connections for its next request meanwhile
_MAX_ADDRESSES = 4  # of one host that are tried, so that a name with a hundred dead addresses costs one URL's time


class BlockedAddressError(HTTPError):
    """A host leads to an address that is not public; nothing was sent to it."""


class UnknownHostError(HTTPError):
    """A host's name has no address; `final` tells a name that does not exist from a resolver that failed."""

    def __init__(self, message: str, final: bool) -> None:
        super().__init__(message)
        self.final = final


def addresses_of(host: str, port: int, until: float, noted: bool = True) -> list[str]:
    """Return the addresses of a name, in the resolver's order; the system's resolver knows no time limit of ours.

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


class Framed:
    """What all connections have in common: answers of strict framing, after which they know whether they may be used.

    A subclass says in `_dial` where the socket comes from.
    """

    linger: float = _LINGER
    """Seconds of silence that are listened to behind the next answer, if the connection was used before."""
    answer: FramedResponse | None = None
    """The last answer on the socket that is open now."""
    idle_since: float = 0.0
    peer: str = ""
    """Address of the other end."""

    def response_class(self, sock: socket.socket, *args: Any, **kwargs: Any) -> FramedResponse:
        """Make the reader of the next answer; `http.client` calls this attribute."""
        used = self.answer is not None and self.answer.reusable
        self.answer = FramedResponse(sock, *args, used=used, linger=self.linger, **kwargs)
        return self.answer

    @property
    def reusable(self) -> bool:
        """Whether the next request may be sent: no answer was asked for yet, or the last was read to its end."""
        return self.answer is None or self.answer.reusable

    def _dial(self) -> socket.socket:
        raise NotImplementedError

    def _new_conn(self) -> socket.socket:
        self.answer = None
        sock = self._dial()
        self.peer = str(sock.getpeername()[0])
        return sock


class FramedPool(HTTPConnectionPool):
    """A pool of `Framed` connections that takes none back in which a part of an answer may be left."""

    QueueCls = LongestIdle

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection: Any = super()._get_conn(timeout)
        # Told to the connection, which must not know its pool: pools are closed when nobody holds them any more.
        connection.linger = _LINGER_SPARE if self.pool is not None and self.pool.qsize() else _LINGER
        if FRESH.get():
            connection.close()  # it is opened again before it is used
        return connection

    def _put_conn(self, conn: Any) -> None:
        # urllib3 keeps whatever it is given; a connection with a part of an answer in it would give it to the next URL.
        if conn is not None and not conn.reusable:
            conn.close()
            conn = None
        if conn is not None:
            conn.idle_since = time.monotonic()
        super()._put_conn(conn)


class _Guarded(Framed):
    routes: Routes

    def _dial(self) -> socket.socket:
        assert isinstance(self, HTTPConnection)
        return dial(self, self.routes)


class GuardedHTTPConnection(_Guarded, HTTPConnection):  # type: ignore[misc]
    """A plain connection to a judged peer."""


class GuardedHTTPSConnection(_Guarded, HTTPSConnection):  # type: ignore[misc]
    """A TLS connection to a judged peer: the judgement comes before the handshake."""


class _GuardedPool(FramedPool):
    routes: Routes

    def _new_conn(self) -> Any:
        connection = super()._new_conn()
        assert isinstance(connection, _Guarded)
        connection.routes = self.routes
        return connection


class _GuardedHTTPPool(_GuardedPool):
    ConnectionCls = GuardedHTTPConnection


class _GuardedHTTPSPool(_GuardedPool, HTTPSConnectionPool):
    ConnectionCls = GuardedHTTPSConnection


class GuardedPools(PoolManager):
    """Keep-alive pools whose connections are all guarded; one TLS context, made once.

    `connections`: idle connections kept per host; `of_host` gives it for the hosts that differ. Proxies are not used
    here: see `pipeline.media.http.proxied`.
    """

    def __init__(self, routes: Routes, connections: int, of_host: Callable[[str], int] | None = None) -> None:
        super().__init__(num_pools=64, maxsize=connections, block=False, ssl_context=tls_context(), retries=False)
        self.pool_classes_by_scheme = {"http": _GuardedHTTPPool, "https": _GuardedHTTPSPool}
        self._routes = routes
        self._of_host = of_host

    def _new_pool(
        self, scheme: str, host: str, port: int, request_context: dict[str, Any] | None = None
    ) -> HTTPConnectionPool:
        context = self.connection_pool_kw.copy() if request_context is None else request_context
        if self._of_host is not None:
            name = host if port == DEFAULT_PORTS[scheme] else f"{host}:{port}"
            context["maxsize"] = max(1, self._of_host(name))
        pool = super()._new_pool(scheme, host, port, context)
        assert isinstance(pool, _GuardedPool)
        pool.routes = self._routes
        return pool
