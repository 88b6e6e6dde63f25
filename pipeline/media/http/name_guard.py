"""Judging names that a proxy will look up: what can be known of them before they are handed over.

A proxy resolves names itself, in its own network, so nobody here sees the address that is connected to. Literal
addresses in any spelling, names that belong to private networks, and names that lead to a private address from here
are refused. What is not seen: a name that is public here and private for the proxy.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import threading
import time

from pipeline.media.http.connections import BlockedAddressError, UnknownHostError, addresses_of
from pipeline.media.http.guards import is_public

_PRIVATE = ("localhost", "local", "localdomain", "internal", "intranet", "lan", "home", "corp", "private", "home.arpa")
"""Special-use and other names that are never public (RFC 6761, 6762, 8375; ICANN's resolutions on .internal, .corp)."""
_NUMBER = re.compile(r"(?:0x[0-9a-f]*|\d+)(?:\.(?:0x[0-9a-f]*|\d+)){0,3}", re.IGNORECASE)
_SECONDS = 2.0
_FAILURES = 3  # in a row: the proxy is asked because names cannot be looked up from here


def private_name(host: str) -> str:
    """Return why a host is private by its name alone; empty when it need not be.

    >>> [bool(private_name(host)) for host in ("0x7f.1", "2130706433", "[::1]", "db", "a.local", "example.org")]
    [True, True, True, True, True, False]
    >>> private_name("93.184.215.14")
    ''
    """
    name = host.strip("[]").rstrip(".").lower()
    literal = ""
    try:
        literal = str(ipaddress.ip_address(name.partition("%")[0]))
    except ValueError:
        if _NUMBER.fullmatch(name):
            try:
                literal = socket.inet_ntoa(socket.inet_aton(name))  # as C libraries read 127.1 or 0x7f000001
            except OSError:
                return f"{host} is a number that is no address"
    if literal:
        return "" if is_public(literal) else f"{host} is the non-public address {literal}"
    if "." not in name:
        return f"{host} is a name without a domain"
    suffix = next((suffix for suffix in _PRIVATE if name.endswith(f".{suffix}")), "")
    return f"{host} is a name of private networks (.{suffix})" if suffix else ""


class NameGuard:
    """Judges hosts that are asked through a proxy, each looked up once; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._judged: dict[str, str] = {}
        self._failures = 0

    def check(self, host: str, port: int) -> None:
        """Raise BlockedAddressError for a host that is private as far as can be seen from here."""
        reason = self._judged.get(host)
        if reason is None:
            reason = private_name(host) or self._looked_up(host, port)
            with self._lock:
                self._judged[host] = reason
        if reason:
            raise BlockedAddressError(f"not given to the proxy: {reason}")

    def _looked_up(self, host: str, port: int) -> str:
        if self._failures >= _FAILURES:
            return ""
        try:
            addresses = addresses_of(host, port, time.monotonic() + _SECONDS, noted=False)
        except UnknownHostError:
            self._failures += 1
            return ""
        self._failures = 0
        private = [address for address in addresses if not is_public(address)]
        return f"{host} has non-public addresses: {', '.join(private[:3])}" if private else ""
