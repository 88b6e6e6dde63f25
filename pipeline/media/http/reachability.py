"""What one request showed of our own network, whatever it brought of the medium.

The layers below a request (look-up, connection, proxy) write here what worked and what failed of that which all hosts
share. Whether a failure is about us or about one host is for `pipeline.media.outage` to say.
"""

from __future__ import annotations

import errno
import ipaddress
import re
import socket
import time
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from pathlib import Path

from pipeline.media.http.guards import is_public

_LOCAL_NAMES = ("localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback")
_NO_ROUTE = frozenset(
    {errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.EPERM, errno.EACCES}
)
_FAR = ((socket.AF_INET, "198.41.0.4"), (socket.AF_INET6, "2001:503:ba3e::2:30"))  # of a root name server


class Channel(Enum):
    """What all hosts share: if it fails, it fails for every host."""

    RESOLVER = "the resolver"
    ROUTE = "the route"
    LAN = "the route to private addresses"
    PROXY = "the proxy"


@dataclass(slots=True)
class Evidence:
    """What one request showed: channels that worked, and the one that failed."""

    worked: dict[Channel, float] = field(default_factory=dict)
    """When each was seen to work, by `time.monotonic`: a body may end long after its host was looked up."""
    failed: Channel | None = None
    strong: bool = True
    """Whether a healthy network would hardly show it: a name that does not exist is no strong sign."""
    hopeless: bool = False
    """Whether waiting cannot help, as with a proxy that asks for credentials."""
    reason: str = ""

    def work(self, channel: Channel) -> None:
        """Note that a channel works now."""
        self.worked[channel] = time.monotonic()

    def fail(self, channel: Channel, reason: str, strong: bool = True, hopeless: bool = False) -> None:
        """Note what failed."""
        self.failed, self.reason, self.strong, self.hopeless = channel, reason[:300], strong, hopeless


EVIDENCE: ContextVar[Evidence] = ContextVar("biomill_fetch_evidence")
"""Of the request that this thread is sending."""


def evidence() -> Evidence:
    """Return the notes of the request that this thread is sending; notes that nobody reads where there is none."""
    return EVIDENCE.get(Evidence())


def note_lookup(host: str, error: OSError | None) -> None:
    """Note how a look-up ended; names that the machine knows by itself, and addresses, say nothing of the resolver."""
    if host.lower().rstrip(".") in local_names() or host.lower().endswith(".localhost") or is_address(host):
        return
    if error is None:
        evidence().work(Channel.RESOLVER)
        return
    missing = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}
    unknown = isinstance(error, socket.gaierror) and error.errno in missing
    # Some resolver libraries say "unknown" where there is no network at all.
    evidence().fail(Channel.RESOLVER, f"{host}: {error.strerror or error}", strong=not unknown or not has_route())


def note_connection(address: str) -> None:
    """Note that a peer was reached; a loopback address says nothing of any network."""
    if not ipaddress.ip_address(address.partition("%")[0]).is_loopback:
        evidence().work(Channel.ROUTE if is_public(address) else Channel.LAN)


def note_unreached(host: str, failures: Iterable[tuple[str, OSError]]) -> None:
    """Note that no address of a host could be reached, if every one failed for want of a route, or in silence.

    Silence is a sign of public addresses alone: that of a private one is its own machine's.
    """
    tried = list(failures)
    if not tried:
        return
    address, error = tried[-1]
    channel = Channel.ROUTE if is_public(address) else Channel.LAN
    for _, failure in tried:
        silent = isinstance(failure, TimeoutError) and channel is Channel.ROUTE
        if not silent and failure.errno not in _NO_ROUTE:
            return
    # Routers say "unreachable" of single hosts too; our own kernel, of everything.
    evidence().fail(channel, f"{host}: {error.strerror or error}", strong=not has_route())


def has_route() -> bool:
    """Whether the kernel knows a way to far addresses; it is asked by a UDP socket, which sends nothing."""
    for family, address in _FAR:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((address, 53))
                return True
        except OSError:
            continue
    return False


def is_address(host: str) -> bool:
    """Whether a host is an IP address and needs no look-up.

    >>> is_address("192.0.2.1"), is_address("[2001:db8::1]"), is_address("example.org")
    (True, True, False)
    """
    try:
        ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return False
    return True


@lru_cache(maxsize=1)
def local_names() -> frozenset[str]:
    """Return the names that this machine's hosts file knows, in lower case."""
    try:
        text = Path("/etc/hosts").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    named = [name.lower() for line in text.splitlines() for name in line.partition("#")[0].split()[1:]]
    return frozenset((*named, *_LOCAL_NAMES))


def domain(host: str) -> str:
    """Return the part of a host's name by which unrelated hosts are told apart: roughly what somebody registered.

    >>> [domain(host) for host in ("a.b.example.org:8080", "www.kew.ac.uk", "192.0.2.1", "example")]
    ['example.org', 'kew.ac.uk', '192.0.2.1', 'example']
    """
    name = re.sub(r":\d+$", "", host) if host.count(":") == 1 else host
    if is_address(name):
        return name
    labels = name.rstrip(".").split(".")
    second_level = len(labels) > 2 and len(labels[-1]) == 2 and len(labels[-2]) <= 3
    return ".".join(labels[-3:] if second_level else labels[-2:])
