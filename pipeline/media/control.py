"""Asking for nothing: whether a host that answered before can still be found, which tells a dead host from no network.

Only hosts that this fetch was asked for, and that answered it, are looked up or knocked at; the knock is a TCP
connection on which nothing is sent.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence

from urllib3.util.connection import create_connection

from pipeline.media.connections import UnknownHostError, addresses_of
from pipeline.media.evidence import Channel, is_address, local_names
from pipeline.media.guards import is_public

_TRIED = 2
_SECONDS = 3.0


def found_again(known: Sequence[tuple[str, int]], channel: Channel) -> bool:
    """Return whether one of the known hosts (name, port) can be looked up (RESOLVER) or connected to (ROUTE)."""
    named = [(host, port) for host, port in known if not is_address(host) and host not in local_names()]
    if channel is Channel.RESOLVER:
        return any(_addresses(host, port) for host, port in named[-_TRIED:])
    if channel is Channel.ROUTE:
        return any(_connects(host, port) for host, port in known[-_TRIED:])
    return False


def _addresses(host: str, port: int) -> list[str]:
    with contextlib.suppress(UnknownHostError):
        return addresses_of(host, port, time.monotonic() + _SECONDS)
    return []


def _connects(host: str, port: int) -> bool:
    for address in _addresses(host, port)[:1]:
        if is_public(address):
            with contextlib.suppress(OSError):
                create_connection((address, port), _SECONDS).close()
                return True
    return False
