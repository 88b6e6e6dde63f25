"""Whether anybody listens at an address, asked in seconds: libraries above it wait for minutes, or for ever."""

from __future__ import annotations

import socket
import time
from urllib.parse import urlsplit

_SECONDS = 3.0
_PAUSE = 0.5


def host_and_port(address: str) -> tuple[str, int] | None:
    """Return the host and port of an address, with or without a scheme; None where it is none.

    >>> host_and_port("localhost:8099"), host_and_port("tcp://10.0.0.1:8786"), host_and_port("localhost")
    (('localhost', 8099), ('10.0.0.1', 8786), None)
    """
    try:
        parts = urlsplit(address if "://" in address else f"//{address}")
        return (parts.hostname, parts.port) if parts.hostname and parts.port else None
    except ValueError:
        return None


def reachable(address: str, attempts: int = 3) -> bool:
    """Return whether somebody accepts a connection; an address without a port counts as reachable, as nobody can ask.

    >>> reachable("localhost:1", attempts=1)
    False
    """
    found = host_and_port(address)
    if found is None:
        return True
    for attempt in range(attempts):
        if attempt:
            time.sleep(_PAUSE)
        try:
            socket.create_connection(found, timeout=_SECONDS).close()
        except OSError:
            continue
        return True
    return False
