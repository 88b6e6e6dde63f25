"""Every row of IANA's registries is kept to, whatever the running Python believes of its addresses."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.media import is_public
from pipeline.media.http.special_addresses import SPECIAL, Row, is_reachable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
NETWORKS: list[tuple[Network, Row]] = [(ipaddress.ip_network(row.prefix), row) for row in SPECIAL]
PROPERTIES = (
    *("is_global", "is_private", "is_reserved", "is_loopback", "is_link_local", "is_multicast", "is_unspecified"),
    *("is_site_local", "ipv4_mapped", "sixtofour", "teredo"),
)


def said(address: Address) -> bool:
    """What the narrowest row that holds an address says; an address that no row holds is everybody's."""
    held = [(network.prefixlen, row.reachable) for network, row in NETWORKS if address in network]
    return max(held)[1] if held else True


@pytest.fixture
def no_properties(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def refuse(self: Address) -> bool:
        raise AssertionError("the answer came from the standard library's own table")

    for kind in (ipaddress.IPv4Address, ipaddress.IPv6Address):
        for name in PROPERTIES:
            if hasattr(kind, name):
                monkeypatch.setattr(kind, name, property(refuse))
    yield


@pytest.mark.parametrize("row", SPECIAL, ids=lambda row: row.prefix)
def test_a_row_speaks_for_its_first_and_last_address_and_not_for_its_neighbours(row: Row, no_properties: None) -> None:
    network = ipaddress.ip_network(row.prefix)
    kind: Callable[[int], Address] = ipaddress.IPv4Address if network.version == 4 else ipaddress.IPv6Address
    first, last = int(network[0]), int(network[-1])
    inside = {number for number in (first, first + 1, last - 1, last) if first <= number <= last}
    own = [address for address in map(kind, sorted(inside)) if not narrower(address, network)]
    # 64:ff9b::/96 is judged by what it carries as well, which a test below looks at.
    assert row.prefix == "64:ff9b::/96" or all(is_public(str(address)) is row.reachable for address in own)
    for number in (first - 1, last + 1):
        if 0 <= number < 1 << network.max_prefixlen:
            assert is_public(str(kind(number))) is said(kind(number)), str(kind(number))


def narrower(address: Address, network: Network) -> bool:
    return any(address in other and other.prefixlen > network.prefixlen for other, _ in NETWORKS)


@pytest.mark.parametrize(
    "address",
    [
        *("192.0.0.192", "192.0.0.8", "192.0.0.11", "192.0.0.255", "192.88.99.1", "192.88.99.2", "192.88.99.255"),
        *("100.100.100.200", "168.63.129.16", "169.254.169.254", "255.255.255.255", "239.255.255.255", "0.255.255.255"),
        *(
            "3fff::1",
            "3fff:fff:ffff::1",
            "5f00::1",
            "100::1",
            "100:0:0:1::1",
            "64:ff9b:1::1",
            "64:ff9b:1:fffe::808:808",
        ),
        *("2001::1", "2001:1::4", "2001:2::1", "2001:4:113::1", "2001:1ff::1", "2001:db8::1", "2002:808:808::1"),
        *("fd00:ec2::254", "fe80::1", "febf::1", "fec0::1", "feff::1", "ff02::1", "fd00::1", "fc00::1"),
        *("::8.8.8.8", "::ffff:8.8.8.8", "::ffff:10.0.0.1", "::ffff:0:8.8.8.8", "200::1", "4000::1", "8000::1"),
        *("2606:4700::5efe:10.0.0.1", "2606:4700::200:5efe:192.168.0.1", "fe80::5efe:8.8.8.8", "64:ff9b::127.0.0.1"),
        *("64:ff9b::192.0.0.192", "fe80::1%eth0", "10.0.0.1%eth0", "::1%1"),
        *("0177.0.0.1", "0x7f.1", "2130706433", "127.1", "127.0.0.1.", "", "example.org", "1.2.3", "::g", "8.8.8.8\0"),
    ],
)
def test_addresses_that_nobody_or_somebody_else_can_reach_are_refused(address: str, no_properties: None) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *("192.0.0.9", "192.0.0.10", "192.0.1.1", "192.88.98.255", "192.88.100.0", "168.63.129.17", "223.255.255.255"),
        *("1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0"),
        *("2001:1::1", "2001:1::3", "2001:3::1", "2001:4:112::1", "2001:20::1", "2001:200::1", "2001:db9::1"),
        *("2003::1", "2606:4700::1111", "3ffe::1", "3fff:1000::1", "64:ff9b::8.8.8.8", "2606:4700::5efe:8.8.8.8"),
    ],
)
def test_addresses_of_the_internet_stay_reachable(address: str, no_properties: None) -> None:
    assert is_public(address)


@given(st.ip_addresses(v=4) | st.sampled_from([network for network, _ in NETWORKS if network.version == 4]).flatmap(
    lambda network: st.ip_addresses(v=4, network=network)
))  # fmt: skip
def test_an_ipv4_address_is_judged_by_its_narrowest_row_alone(address: ipaddress.IPv4Address) -> None:
    assert is_reachable(str(address)) is said(address)


@given(st.ip_addresses(v=6) | st.sampled_from([network for network, _ in NETWORKS if network.version == 6]).flatmap(
    lambda network: st.ip_addresses(v=6, network=network)
))  # fmt: skip
def test_an_ipv6_address_is_never_more_reachable_than_its_narrowest_row(address: ipaddress.IPv6Address) -> None:
    reachable = is_reachable(str(address))
    assert not reachable or said(address)
    carries = address in ipaddress.ip_network("64:ff9b::/96") or (int(address) >> 32) & 0xFDFFFFFF == 0x5EFE
    assert reachable is said(address) or carries


@given(st.ip_addresses(v=4), st.integers(0, 2**61 - 1))
def test_an_address_that_is_carried_is_never_more_reachable_than_itself(
    inner: ipaddress.IPv4Address, prefix: int
) -> None:
    number, under = int(inner), ((0b001 << 61) | prefix) << 64  # any prefix of 2000::/3
    carriers = [
        *(number, (0xFFFF << 32) | number, (0xFFFF << 48) | number),  # compatible, mapped, SIIT
        *((0x64FF9B << 96) | number, (0x64FF9B0001 << 80) | number),  # NAT64, and its local form
        *(
            (0x2002 << 112) | (number << 80),
            (0x20010000 << 96) | (number << 64),
            (0x20010000 << 96) | (~number % 2**32),
        ),
        *(under | (0x5EFE << 32) | number, under | (0x02005EFE << 32) | number),  # ISATAP
    ]
    for carrier in carriers:
        if is_reachable(str(ipaddress.IPv6Address(carrier))):
            assert is_reachable(str(inner)), ipaddress.IPv6Address(carrier)


@given(st.text(max_size=40))
def test_any_text_is_judged_without_an_exception(text: str) -> None:
    is_reachable(text)
