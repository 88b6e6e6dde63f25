"""Guards between foreign addresses and the network: which URLs may be asked, and which peers may be talked to.

A URL is judged twice. `check_url` reads it: scheme, credentials, host list. `is_public` judges the address that a
connection really reached, because a harmless name may resolve to a private address, or to another one a second later
(DNS rebinding), and a redirect may lead anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from urllib3.exceptions import LocationParseError
from urllib3.util import Url, parse_url

from manifests.errors import RecipeError
from manifests.recipe import FetchRules
from pipeline.media.http.special_addresses import is_reachable
from pipeline.model.outcomes import Outcome

MAX_URL_LENGTH = 8192
DEFAULT_PORTS = {"http": 80, "https": 443}
_CONTROL = re.compile(r"[\x00-\x20\x7f]")
_AUTHORITY_END = re.compile(r"[/?#]")
_AMPERSAND = re.compile(r"&(?:amp;|#0*38;|#x0*26;)(?:amp;|#0*38;|#x0*26;)*", re.IGNORECASE)
_HOST = re.compile(r"(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?|\[[0-9a-f:.]+(?:%[0-9a-z]+)?\]")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a URL is not asked: BAD_URL, HOST_NOT_ALLOWED or (for redirects) TOO_MANY_REDIRECTS, and the reason."""

    outcome: Outcome
    reason: str


def to_uri(url: str, written: bool = False) -> Url:
    """Return the http(s) URI of an address as people write it: IRI percent-encoded, host in lower case and IDNA.

    Raises ValueError with the reason when it is not an http(s) URL without credentials. Source: RFC 3986, RFC 3987
    section 3.1. Existing percent-encodings stay; the fragment is dropped, it never reaches a host. An ampersand that
    was taken from a page of HTML (`&amp;`, `&#38;`) is one, unless `written` says that the address is a host's own.

    >>> to_uri("HTTP://Example.org/Küste/a b.jpg#top").url
    'http://example.org/K%C3%BCste/a%20b.jpg'
    >>> to_uri("http://example.org/get?id=7&amp;size=full").url
    'http://example.org/get?id=7&size=full'
    >>> to_uri("file:///etc/passwd")
    Traceback (most recent call last):
    ValueError: the scheme is 'file', not http or https
    """
    text = url.strip() if written else _AMPERSAND.sub("&", url.strip())
    if not text:
        raise ValueError("the URL is empty")
    if len(text) > MAX_URL_LENGTH:
        raise ValueError(f"the URL has {len(text)} characters, more than {MAX_URL_LENGTH}")
    if _CONTROL.search(text.replace(" ", "")):
        raise ValueError("the URL holds control characters")
    scheme = _SCHEME.match(text)
    if scheme is None:
        raise ValueError("the URL has no scheme")
    if scheme[1].lower() not in DEFAULT_PORTS:
        raise ValueError(f"the scheme is {scheme[1].lower()[:20]!r}, not http or https")
    try:
        parsed = parse_url(text)
    except LocationParseError as error:
        raise ValueError("the URL cannot be parsed") from error
    if parsed.auth is not None:
        raise ValueError("the URL carries credentials")
    if not parsed.host:
        raise ValueError("the URL has no host")
    if parsed.port == 0:
        raise ValueError("the port is 0")
    if "\\" in _AUTHORITY_END.split(text[scheme.end() :].lstrip("/"), maxsplit=1)[0]:
        raise ValueError("a backslash follows the host")  # parsers disagree about where such a host ends
    if not _HOST.fullmatch(parsed.host) or len(parsed.host) > 253:
        raise ValueError("the host is not a valid name")
    return Url(parsed.scheme, None, parsed.host.rstrip("."), parsed.port, parsed.path or "/", parsed.query)


def port_of(uri: Url) -> int:
    """Return the port that a URI leads to: its own, or its scheme's.

    >>> port_of(to_uri("https://example.org/"))
    443
    """
    return uri.port or DEFAULT_PORTS[uri.scheme or "http"]


def netloc(uri: Url) -> str:
    """Return the host and, where it is not the scheme's own, the port: what a URL's turn and robots.txt belong to.

    >>> netloc(to_uri("http://example.org:80/a")), netloc(to_uri("http://example.org:443/a"))
    ('example.org', 'example.org:443')
    """
    port = port_of(uri)
    return (uri.host or "") if port == DEFAULT_PORTS[uri.scheme or "http"] else f"{uri.host}:{port}"


def origin_of(uri: Url) -> str:
    """Return scheme, host and port, where it is not the scheme's own: what robots.txt and TLS belong to.

    >>> origin_of(to_uri("https://example.org:443/a"))
    'https://example.org'
    """
    return f"{uri.scheme}://{netloc(uri)}"


def bare_host(uri: Url) -> str:
    """Return the host without the brackets of an IPv6 literal."""
    return (uri.host or "").strip("[]")


def host_matches(patterns: Iterable[str], host: str, port: int) -> bool:
    """Whether a host is named by a list of 'example.org', '*.example.org' (subdomains only) or 'host:port'.

    A pattern without a port holds for every port of the host.

    >>> host_matches(["*.example.org"], "media.example.org", 443), host_matches(["*.example.org"], "example.org", 443)
    (True, False)
    >>> host_matches(["localhost:8080"], "localhost", 8081)
    False
    """
    for pattern in patterns:
        name, wanted = split_port(pattern.strip().lower())
        if wanted is not None and wanted != port:
            continue
        if name == host or (name.startswith("*.") and host.endswith(name[1:])):
            return True
    return False


def specificity(pattern: str) -> tuple[bool, int, bool]:
    """Return how closely a pattern of hosts means one host: of several that match, the greatest speaks.

    >>> patterns = ["*.org", "a.b.org", "*.b.org:80", "a.b.org:80", "*.b.org"]
    >>> sorted(patterns, key=specificity, reverse=True)
    ['a.b.org:80', 'a.b.org', '*.b.org:80', '*.b.org', '*.org']
    """
    name, port = split_port(pattern.strip().lower())
    return not name.startswith("*."), len(name), port is not None


def check_url(url: str, rules: FetchRules) -> Refusal | None:
    """Return why a URL may not be asked; None when it may.

    Ports below 1024 other than 80 and 443 belong to other protocols, so they need a 'host:port' entry in the recipe.

    >>> check_url("https://example.org/a.jpg", FetchRules()) is None
    True
    >>> check_url("https://me:secret@example.org/", FetchRules())
    Refusal(outcome=<Outcome.BAD_URL: ...>, reason='the URL carries credentials')
    >>> check_url("https://example.com/", FetchRules(hosts=("example.org",))).outcome.code
    'host_not_allowed'
    """
    try:
        uri = to_uri(url)
    except ValueError as error:
        return Refusal(Outcome.BAD_URL, str(error))
    return check_uri(uri, rules)


def check_uri(uri: Url, rules: FetchRules) -> Refusal | None:
    """Return why a parsed URI may not be asked, by the recipe's hosts; None when it may."""
    host, port = bare_host(uri), port_of(uri)
    if rules.hosts and not host_matches(rules.hosts, host, port):
        return Refusal(Outcome.HOST_NOT_ALLOWED, f"{host}:{port} is not among the hosts of the recipe")
    if port < 1024 and port not in DEFAULT_PORTS.values():
        named = [name for name in (*rules.hosts, *rules.allow_private) if split_port(name)[1] is not None]
        if not host_matches(named, host, port):
            return Refusal(Outcome.HOST_NOT_ALLOWED, f"port {port} is not a web port; list '{host}:{port}' to allow it")
    return None


def is_public(address: str) -> bool:
    """Whether an IP address is one that anybody on the internet can reach.

    False for loopback, private, link-local (cloud metadata), shared, multicast and reserved ranges, for tunnels, and
    for IPv6 forms that carry such an IPv4 address. Source: `pipeline.media.http.special_addresses`.

    >>> [is_public(a) for a in ("93.184.215.14", "10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "64:ff9b::a00:1")]
    [True, False, False, False, False]
    """
    return is_reachable(address)


@dataclass(frozen=True, slots=True)
class Routes:
    """Where the connections of a host really go, and whether the peer must have a public address."""

    rules: FetchRules
    named: tuple[tuple[str, str, int], ...]

    @classmethod
    def of(cls, rules: FetchRules) -> Routes:
        """Parse the `connect_to` rules ('host=address:port'), the most specific host first.

        Raises RecipeError when one cannot be read.

        >>> Routes.of(FetchRules(connect_to=("example.org=127.0.0.1:8080",))).named
        (('example.org', '127.0.0.1', 8080),)
        """
        named = []
        for rule in rules.connect_to:
            host, equals, target = rule.strip().partition("=")
            address, port = split_port(target)
            if not (host and equals and address and port):
                raise RecipeError(
                    f"connect_to rule {rule!r} cannot be read",
                    expected="host=address:port",
                    remedy="correct the recipe",
                )
            named.append((host.lower(), address.strip("[]"), port))
        named.sort(key=lambda route: specificity(route[0]), reverse=True)
        return cls(rules, tuple(named))

    def redirected(self, host: str, port: int) -> tuple[str, int] | None:
        """Return the address and port that the recipe names for a host; None when it names none."""
        for pattern, address, target in self.named:
            if host_matches((pattern,), host, port):
                return address, target
        return None

    def trusts(self, host: str, port: int) -> bool:
        """Whether a host may have a private address, because the recipe says so."""
        return self.redirected(host, port) is not None or host_matches(self.rules.allow_private, host, port)


def split_port(text: str) -> tuple[str, int | None]:
    """Split 'host:port', '[v6]:port' or a bare host; a bare IPv6 address has no port."""
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        return host, int(rest[1:]) if re.fullmatch(r":\d{1,5}", rest) else None
    host, _, port = text.rpartition(":")
    if host and ":" not in host and re.fullmatch(r"\d{1,5}", port):
        return host, int(port)
    return text, None


def host_of(url: str) -> str:
    """Return the host (and port, where it is not the scheme's) by which a URL's turn is counted; empty for no URL.

    >>> host_of("https://Example.org:443/a"), host_of("http://example.org:8080/"), host_of("nonsense")
    ('example.org', 'example.org:8080', '')
    """
    try:
        return netloc(to_uri(url))
    except ValueError:
        return ""
