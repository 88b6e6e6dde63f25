from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.recipe import FetchRules
from pipeline.media import check_url, is_public, to_uri
from pipeline.media.http.guards import Routes
from pipeline.model.outcomes import Outcome


@pytest.mark.parametrize(
    "url",
    [
        "",
        "   ",
        "example.org/a.jpg",
        "//example.org/a.jpg",
        "file:///etc/passwd",
        "ftp://example.org/a.jpg",
        "data:image/png;base64,AAAA",
        "javascript:alert(1)",
        "pipe:cat /etc/passwd",
        "s3://bucket/key",
        "http://",
        "http:///a.jpg",
        "http://user@example.org/",
        "http://user:secret@example.org/",
        "http://example.org:99999/",
        "http://example.org:0/",
        "http://exa mple.org/",
        "http://example.org\\@evil.example.com/",
        "http://exam\tple.org/",
        "http://example.org/a\nb",
        "http://example.org/\x00",
        "http://.example.org/",
        "http://a..example.org/",
        "http://" + "a" * 64 + ".org/",
        "http://[::1/",
        "http://example.org/" + "a" * 9000,
    ],
)
def test_what_is_not_a_plain_web_address_is_a_bad_url(url: str) -> None:
    refusal = check_url(url, FetchRules())
    assert refusal is not None and refusal.outcome is Outcome.BAD_URL
    assert refusal.reason


@pytest.mark.parametrize(
    ("url", "uri"),
    [
        ("HTTPS://Example.ORG", "https://example.org/"),
        (" https://example.org/a.jpg ", "https://example.org/a.jpg"),
        ("https://example.org/%c3%bc?x=ü#part", "https://example.org/%C3%BC?x=%C3%BC"),
        ("https://example.org/100%.jpg", "https://example.org/100%25.jpg"),
        ("https://bücher.example/a|b.jpg", "https://xn--bcher-kva.example/a%7Cb.jpg"),
        ("http://example.org:8080/a/../b", "http://example.org:8080/b"),
        ("http://example.org./a", "http://example.org/a"),
        ("http://[2001:db8::1]:80/a", "http://[2001:db8::1]:80/a"),
    ],
)
def test_addresses_as_people_write_them_become_uris(url: str, uri: str) -> None:
    assert to_uri(url).url == uri
    assert to_uri(uri).url == uri


@pytest.mark.parametrize(
    ("hosts", "url", "allowed"),
    [
        ((), "https://anything.example/", True),
        (("example.org",), "https://example.org/", True),
        (("Example.org",), "https://EXAMPLE.org:8443/", True),
        (("example.org",), "https://www.example.org/", False),
        (("example.org",), "https://notexample.org/", False),
        (("*.example.org",), "https://a.b.example.org/", True),
        (("*.example.org",), "https://example.org/", False),
        (("*.example.org",), "https://evilexample.org/", False),
        (("example.org:8080",), "http://example.org:8080/", True),
        (("example.org:8080",), "http://example.org/", False),
        (("example.org:443",), "https://example.org/", True),
        ((), "http://example.org:25/", False),
        (("example.org",), "http://example.org:25/", False),
        (("example.org:81",), "http://example.org:81/", True),
    ],
)
def test_the_host_list_decides_who_is_asked(hosts: tuple[str, ...], url: str, allowed: bool) -> None:
    refusal = check_url(url, FetchRules(hosts=hosts))
    assert (refusal is None) is allowed
    assert refusal is None or refusal.outcome is Outcome.HOST_NOT_ALLOWED


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "192.168.1.1",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2002:a00:1::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "2001:db8::1",
    ],
)
def test_addresses_that_are_not_everybodys_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.215.14", "2606:4700::6810:84e5", "64:ff9b::808:808"])
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses(v=4))
def test_an_address_carried_in_ipv6_is_never_more_public_than_itself(inner: ipaddress.IPv4Address) -> None:
    number = int(inner)
    carriers = [
        (0xFFFF << 32) | number,  # ::ffff:0:0/96
        (0x64FF9B << 96) | number,  # 64:ff9b::/96
        (0x2002 << 112) | (number << 80),  # 2002::/16
    ]
    for carrier in carriers:
        if is_public(str(ipaddress.IPv6Address(carrier))):
            assert is_public(str(inner))


@given(st.text(max_size=60))
def test_any_text_is_judged_without_an_exception(text: str) -> None:
    for url in (text, "http://" + text, "https://example.org/" + text):
        if check_url(url, FetchRules()) is None:
            uri = to_uri(url)
            assert uri.url.isascii() and uri.scheme in ("http", "https") and uri.auth is None
            assert to_uri(uri.url).url == uri.url


def test_connect_to_names_where_a_host_is_asked() -> None:
    routes = Routes.of(FetchRules(connect_to=("example.org:443=[::1]:8443", "example.org=127.0.0.1:8080")))
    assert routes.redirected("example.org", 443) == ("::1", 8443)
    assert routes.redirected("example.org", 80) == ("127.0.0.1", 8080)
    assert routes.redirected("example.com", 80) is None
    assert routes.trusts("example.org", 80) and not routes.trusts("example.com", 80)
