"""Connections through an http proxy: absolute-form requests for http, CONNECT tunnels for https (RFC 9110, 9112).

What fails on the way to the proxy, or is said by the proxy itself, is the proxy's: it is named so, and noted as a sign
of our own network. Reads keep the same deadline as those of direct connections.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable
from http.client import HTTPException
from typing import Any

from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.util import Url
from urllib3.util.connection import create_connection

from pipeline.media.http.certificates import tls_context
from pipeline.media.http.connections import Framed, FramedPool, GuardedPools, UnknownHostError, addresses_of
from pipeline.media.http.guards import Routes, bare_host, port_of
from pipeline.media.http.name_guard import NameGuard
from pipeline.media.http.proxies import Proxies, Proxy
from pipeline.media.http.reachability import Channel, evidence
from pipeline.media.http.timed_reader import DEADLINE

_STATUS = re.compile(r"Tunnel connection failed: (\d{3})")
_IDLE = 64


class ProxyFailedError(HTTPError):
    """The proxy could not be reached, or would or could not pass the request on."""


def _dial_proxy(connection: HTTPConnection, proxy: Proxy) -> socket.socket:
    """Connect to the proxy, whose address may be private, as the user named it; raises ProxyFailedError."""
    patience = connection.timeout if isinstance(connection.timeout, int | float) else 60.0
    until = min(time.monotonic() + patience, DEADLINE.get())
    failure: Exception = TimeoutError("no time left")
    try:
        for address in addresses_of(proxy.host, proxy.port, until):
            left = until - time.monotonic()
            if left <= 0:
                break
            try:
                return create_connection((address, proxy.port), left, socket_options=connection.socket_options)
            except OSError as error:
                failure = error
    except UnknownHostError as error:
        failure = error
    reason = f"{proxy.name} cannot be reached: {getattr(failure, 'strerror', None) or failure}"
    evidence().fail(Channel.PROXY, reason)
    raise ProxyFailedError(f"the proxy {reason}") from failure


class _Proxied(Framed):
    way: Proxy

    def _dial(self) -> socket.socket:
        assert isinstance(self, HTTPConnection)
        return _dial_proxy(self, self.way)


class _ProxiedHTTPConnection(_Proxied, HTTPConnection):  # type: ignore[misc]
    pass


class _ProxiedHTTPSConnection(_Proxied, HTTPSConnection):  # type: ignore[misc]
    def _tunnel(self) -> None:
        """Ask the proxy for a tunnel; raises ProxyFailedError when there is none."""
        try:
            super()._tunnel()
        except (OSError, HTTPException) as error:
            self.close()
            found = _STATUS.search(str(error))
            status = int(found[1]) if found else 0
            said = f"answered {status} to CONNECT" if found else f"gave no tunnel: {error or type(error).__name__}"
            _note_status(self.way, status, said)
            raise ProxyFailedError(f"the proxy {self.way.name} {said}") from error
        evidence().work(Channel.PROXY)


def _note_status(proxy: Proxy, status: int, said: str) -> None:
    """Note what a proxy's own answer means: 407 is about all hosts, 403 about one, and others are weak signs."""
    if status == 407:
        reason = f"the proxy {proxy.name} asks for credentials (407): name them in its address"
        evidence().fail(Channel.PROXY, reason, hopeless=True)
    elif not 400 <= status < 500:
        evidence().fail(Channel.PROXY, f"{proxy.name} {said}", strong=False)


class _ProxiedPool(FramedPool):
    way: Proxy

    def _new_conn(self) -> Any:
        connection = super()._new_conn()
        assert isinstance(connection, _Proxied)
        connection.way = self.way
        return connection


class _ProxiedHTTPPool(_ProxiedPool):
    ConnectionCls = _ProxiedHTTPConnection


class _ProxiedHTTPSPool(_ProxiedPool, HTTPSConnectionPool):
    ConnectionCls = _ProxiedHTTPSConnection


class _ProxiedPools(ProxyManager):
    """Keep-alive pools through one proxy: one for all http hosts, and one for every https host."""

    def __init__(self, proxy: Proxy) -> None:
        headers = {"Proxy-Authorization": proxy.authorization} if proxy.authorization else {}
        address = f"http://{proxy.name}"
        super().__init__(
            address, 64, proxy_headers=headers, maxsize=_IDLE, block=False, ssl_context=tls_context(), retries=False
        )
        self.pool_classes_by_scheme = {"http": _ProxiedHTTPPool, "https": _ProxiedHTTPSPool}
        self._way = proxy

    def _new_pool(
        self, scheme: str, host: str, port: int, request_context: dict[str, Any] | None = None
    ) -> HTTPConnectionPool:
        pool = super()._new_pool(scheme, host, port, request_context)
        assert isinstance(pool, _ProxiedPool)
        pool.way = self._way
        return pool


class Ways:
    """How each URL is asked: directly, over guarded connections, or through the proxy that the environment names.

    Hosts of `connect_to` are asked directly: the recipe says where they are.
    """

    def __init__(self, routes: Routes, connections: int, of_host: Callable[[str], int] | None = None) -> None:
        self._routes, self._direct = routes, GuardedPools(routes, connections, of_host)
        self._proxies, self._guard = Proxies.from_environment(), NameGuard()
        self._pools: dict[Proxy, _ProxiedPools] = {}

    def proxy(self, uri: Url) -> Proxy | None:
        """Return the proxy that a URL is asked through; None when it is asked directly."""
        if self._routes.redirected(bare_host(uri), port_of(uri)) is not None:
            return None
        return self._proxies.of(uri)

    def pool(self, uri: Url, proxy: Proxy | None) -> tuple[HTTPConnectionPool, str]:
        """Return the pool that asks a URL, and the request target that it sends.

        Raises BlockedAddressError for a private host that would be handed to a proxy.
        """
        if proxy is None:
            return self._direct.connection_from_url(uri.url), uri.request_uri
        host, port = bare_host(uri), port_of(uri)
        if not self._routes.trusts(host, port):
            self._guard.check(host, port)
        # Two threads may make the pools of a proxy at once; one of them is then used once and forgotten.
        pools = self._pools.setdefault(proxy, self._pools.get(proxy) or _ProxiedPools(proxy))
        return pools.connection_from_url(uri.url), uri.url if uri.scheme == "http" else uri.request_uri

    def answered(self, proxy: Proxy, response: BaseHTTPResponse) -> None:
        """Note that an answer came through a proxy; raises ProxyFailedError when the proxy itself gave it."""
        error = response.headers.get("X-Squid-Error") or response.headers.get("Proxy-Status", "")
        if response.status == 407 or (response.status >= 500 and ("ERR_" in error or "error=" in error)):
            said = f"answered {response.status} {error}".strip()[:200]
            _note_status(proxy, response.status, said)
            response.close()
            raise ProxyFailedError(f"the proxy {proxy.name} {said}")
        evidence().work(Channel.PROXY)

    def close(self) -> None:
        """Close every idle connection."""
        self._direct.clear()
        for pools in self._pools.values():
            pools.clear()
