"""Which addresses a puller may ask: one API's own site, over https, or this machine's loopback for rehearsals."""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, urlsplit

from pipeline.pull.pull_errors import PullError


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself, by its address or by the reserved name localhost (RFC 6761).

    >>> [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "localhost.example.org", "10.0.0.1")]
    [True, True, True, False, False]
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def check_address(url: str) -> SplitResult:
    """Return the parts of an address that may be asked; raises PullError for all others.

    Plain http is for loopback only: what is asked elsewhere may carry a password, and what is answered becomes data.

    >>> check_address("https://api.gbif.org/v1").hostname
    'api.gbif.org'
    >>> check_address("http://api.gbif.org/v1")
    Traceback (most recent call last):
    pipeline.pull.pull_errors.PullError: the address is not https
      where:  http://api.gbif.org/v1
      expect: https://..., or http:// to a loopback address
      remedy: write https:// before the host
    """
    shown = url if "@" not in url else "an address with credentials in it"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise PullError(f"the address cannot be read: {error}", where=shown, expected="https://host/path") from error
    if "@" in parts.netloc:
        raise PullError(
            "the address carries credentials",
            where=shown,
            remedy="leave them out; user name and password are taken from the environment only",
        )
    if not parts.hostname or parts.scheme not in ("http", "https") or port == 0:
        raise PullError("the address is none of the web", where=shown, expected="https://host/path")
    if parts.scheme != "https" and not is_loopback(parts.hostname):
        raise PullError(
            "the address is not https",
            where=shown,
            expected="https://..., or http:// to a loopback address",
            remedy="write https:// before the host",
        )
    return parts


def same_site(base: str, url: str) -> bool:
    """Whether an address belongs to the site of another: the same host, or one under the same domain.

    GBIF's API leads to downloads on a host beside its own; an answer that leads anywhere else is not followed.

    >>> same_site("https://api.gbif.org/v1", "https://occurrence-download.gbif.org/a.zip")
    True
    >>> same_site("https://api.gbif.org/v1", "https://gbif.org.example.net/a.zip")
    False
    """
    one, two = check_address(base).hostname or "", check_address(url).hostname or ""
    if one == two:
        return True
    domain = one.partition(".")[2]
    return not is_loopback(one) and "." in domain and (two == domain or two.endswith(f".{domain}"))
