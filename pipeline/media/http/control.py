"""Asking for nothing: whether a host that answered before can still be found, which tells a dead host from no network.

Only hosts that this fetch was asked for, and that answered it, are looked up or knocked at; the knock is a TCP
connection on which nothing is sent.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence

from urllib3.util.connection import create_connection

from pipeline.media.http.connections import UnknownHostError, addresses_of
from pipeline.media.http.guards import is_public
from pipeline.media.http.reachability import Channel, is_address, local_names

_TRIED = 3
_SECONDS = 3.0


def found_again(known: Sequence[tuple[str, int]], channel: Channel) -> bool:
    """Return whether known hosts (name, port) can be looked up and connected to.

    For the RESOLVER most of a few names must have an address, and a public one must answer: a cache goes on naming
    addresses when the network behind it is gone. For the ROUTE one host must answer.
    """
    if channel is Channel.ROUTE:
        return any(_connects(_addresses(host, port), port) is True for host, port in known[:_TRIED])
    named = [(host, port) for host, port in known if not is_address(host) and host not in local_names()][:_TRIED]
    if channel is not Channel.RESOLVER or not named:
        return False
    found = [(addresses, port) for host, port in named if (addresses := _addresses(host, port))]
    if 2 * len(found) <= len(named):
        return False
    answers = [_connects(addresses, port) for addresses, port in found]
    return any(answers) or all(answer is None for answer in answers)


def _addresses(host: str, port: int) -> list[str]:
    with contextlib.suppress(UnknownHostError):
        return addresses_of(host, port, time.monotonic() + _SECONDS)
    return []


def _connects(addresses: Sequence[str], port: int) -> bool | None:
    """Return whether the first public address takes a connection; None when there is none to knock at."""
    public = [address for address in addresses if is_public(address)]
    if not public:
        return None
    with contextlib.suppress(OSError):
        create_connection((public[0], port), _SECONDS).close()
        return True
    return False
