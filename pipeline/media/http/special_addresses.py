"""IANA's special-purpose addresses as our own table, so that no guard depends on the version of Python.

`SPECIAL` holds every row of the IPv4 and IPv6 Special-Purpose Address Registries as they stood on 2025-10-09
(https://www.iana.org/assignments/iana-ipv4-special-registry, .../iana-ipv6-special-registry), and after them what other
registries reserve: multicast, the unallocated parts of IPv6, forms that carry an IPv4 address, and one address of a
cloud's inside. Where the registry gives no value for "Globally Reachable" (tunnels, deprecated blocks) the answer is
no: whoever has media there is reached by another address too. The most specific row decides.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass

REGISTRY_DATE = "2025-10-09"
"""When both registries were last updated before this table was made from them."""


@dataclass(frozen=True, slots=True)
class Row:
    """One block of addresses: 'network/bits' without shortcuts, what it is for, who says so, who reaches it."""

    prefix: str
    name: str
    source: str
    reachable: bool = False
    """Whether anybody on the internet can reach it."""


_IPV4_REGISTRY = (
    Row("0.0.0.0/8", "this network", "RFC 791"),
    Row("0.0.0.0/32", "this host on this network", "RFC 1122"),
    Row("10.0.0.0/8", "private use", "RFC 1918"),
    Row("100.64.0.0/10", "shared address space", "RFC 6598"),
    Row("127.0.0.0/8", "loopback", "RFC 1122"),
    Row("169.254.0.0/16", "link local", "RFC 3927"),
    Row("172.16.0.0/12", "private use", "RFC 1918"),
    Row("192.0.0.0/24", "IETF protocol assignments", "RFC 6890"),
    Row("192.0.0.0/29", "IPv4 service continuity", "RFC 7335"),
    Row("192.0.0.8/32", "IPv4 dummy address", "RFC 7600"),
    Row("192.0.0.9/32", "port control protocol anycast", "RFC 7723", True),
    Row("192.0.0.10/32", "traversal using relays around NAT anycast", "RFC 8155", True),
    Row("192.0.0.170/32", "NAT64/DNS64 discovery", "RFC 8880"),
    Row("192.0.0.171/32", "NAT64/DNS64 discovery", "RFC 8880"),
    Row("192.0.2.0/24", "documentation (TEST-NET-1)", "RFC 5737"),
    Row("192.31.196.0/24", "AS112-v4", "RFC 7535", True),
    Row("192.52.193.0/24", "AMT", "RFC 7450", True),
    Row("192.88.99.0/24", "deprecated (6to4 relay anycast)", "RFC 7526"),
    Row("192.88.99.2/32", "6a44 relay anycast", "RFC 6751"),
    Row("192.168.0.0/16", "private use", "RFC 1918"),
    Row("192.175.48.0/24", "direct delegation AS112 service", "RFC 7534", True),
    Row("198.18.0.0/15", "benchmarking", "RFC 2544"),
    Row("198.51.100.0/24", "documentation (TEST-NET-2)", "RFC 5737"),
    Row("203.0.113.0/24", "documentation (TEST-NET-3)", "RFC 5737"),
    Row("240.0.0.0/4", "reserved", "RFC 1112"),
    Row("255.255.255.255/32", "limited broadcast", "RFC 8190"),
)
_IPV6_REGISTRY = (
    Row("::1/128", "loopback", "RFC 4291"),
    Row("::/128", "unspecified", "RFC 4291"),
    Row("::ffff:0:0/96", "IPv4-mapped", "RFC 4291"),
    Row("64:ff9b::/96", "IPv4-IPv6 translation (NAT64)", "RFC 6052", True),
    Row("64:ff9b:1::/48", "IPv4-IPv6 translation, local use", "RFC 8215"),
    Row("100::/64", "discard only", "RFC 6666"),
    Row("100:0:0:1::/64", "dummy prefix", "RFC 9780"),
    Row("2001::/23", "IETF protocol assignments", "RFC 2928"),
    Row("2001::/32", "Teredo", "RFC 4380"),
    Row("2001:1::1/128", "port control protocol anycast", "RFC 7723", True),
    Row("2001:1::2/128", "traversal using relays around NAT anycast", "RFC 8155", True),
    Row("2001:1::3/128", "DNS-SD service registration protocol anycast", "RFC 9665", True),
    Row("2001:2::/48", "benchmarking", "RFC 5180"),
    Row("2001:3::/32", "AMT", "RFC 7450", True),
    Row("2001:4:112::/48", "AS112-v6", "RFC 7535", True),
    Row("2001:10::/28", "deprecated (ORCHID)", "RFC 4843"),
    Row("2001:20::/28", "ORCHIDv2", "RFC 7343", True),
    Row("2001:30::/28", "drone remote ID entity tags", "RFC 9374", True),
    Row("2001:db8::/32", "documentation", "RFC 3849"),
    Row("2002::/16", "6to4", "RFC 3056"),
    Row("2620:4f:8000::/48", "direct delegation AS112 service", "RFC 7534", True),
    Row("3fff::/20", "documentation", "RFC 9637"),
    Row("5f00::/16", "segment routing (SRv6) SIDs", "RFC 9602"),
    Row("fc00::/7", "unique local", "RFC 4193"),
    Row("fe80::/10", "link local", "RFC 4291"),
)
_BEYOND = (
    Row("224.0.0.0/4", "multicast", "RFC 5771"),
    Row("168.63.129.16/32", "a cloud platform's inside (Azure WireServer)", "its documentation"),
    Row("::/96", "deprecated IPv4-compatible", "RFC 4291"),
    Row("::ffff:0:0:0/96", "IPv4-translated (SIIT)", "RFC 2765"),
    Row("fec0::/10", "deprecated site local", "RFC 3879"),
    Row("ff00::/8", "multicast", "RFC 4291"),
    # What the IPv6 address space registry keeps back: global unicast addresses are given out of 2000::/3 alone.
    Row("::/3", "reserved by the IETF", "RFC 4291"),
    Row("4000::/2", "reserved by the IETF", "RFC 4291"),
    Row("8000::/1", "reserved by the IETF", "RFC 4291"),
)
SPECIAL = (*_IPV4_REGISTRY, *_IPV6_REGISTRY, *_BEYOND)
"""All rows; the most specific one that holds an address speaks for it, and what no row holds is the internet's."""


def is_reachable(address: str) -> bool:
    """Return whether anybody on the internet can reach an IP address, by the most specific row of the registries.

    IPv6 addresses that carry an IPv4 address are judged by that one too: translated ones (64:ff9b::/96, RFC 6052) and
    those of ISATAP interfaces (RFC 5214 section 6.1), under whatever prefix. A scope ('%eth0') says nothing of the
    address. What is no address in its usual spelling is not reachable.

    >>> [is_reachable(a) for a in ("93.184.215.14", "192.0.0.192", "192.0.0.9", "3fff::1", "64:ff9b::a00:1", "127.1")]
    [True, False, True, False, False, False]
    """
    packed = _packed(address.partition("%")[0])
    if packed is None:
        return False
    if not _reachable(packed):
        return False
    carried = _carried_ipv4(packed)
    return carried is None or _reachable(carried)


def _packed(address: str) -> bytes | None:
    """Return the 4 or 16 bytes of an address; None where the text is none."""
    try:
        return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)
    except (OSError, ValueError):  # ValueError: a null character
        return None


def _block(prefix: str) -> tuple[int, int, int]:
    """Return (bytes of an address, its first bits as a number, how many bits) of 'network/bits'."""
    network, _, bits = prefix.partition("/")
    packed = _packed(network)
    assert packed is not None, prefix
    size = len(packed) * 8
    return len(packed), int.from_bytes(packed, "big") >> (size - int(bits)), int(bits)


# From the narrowest to the widest, so that the first that holds an address is the most specific.
_BLOCKS = sorted(((*_block(row.prefix), row.reachable) for row in SPECIAL), key=lambda block: -block[2])


def _reachable(packed: bytes) -> bool:
    number, size = int.from_bytes(packed, "big"), len(packed) * 8
    for length, first, bits, reachable in _BLOCKS:
        if length == len(packed) and number >> (size - bits) == first:
            return reachable
    return True


def _carried_ipv4(packed: bytes) -> bytes | None:
    """Return the IPv4 address that an IPv6 address hands its packets to; None where it carries none."""
    if len(packed) != 16:
        return None
    translated = packed[:12] == bytes.fromhex("0064ff9b0000000000000000")
    isatap = packed[8:12] in (bytes.fromhex("00005efe"), bytes.fromhex("02005efe"))
    return packed[12:] if translated or isatap else None
