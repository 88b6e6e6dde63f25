"""Media keys: the same photograph has one key, whichever source or page names it.

Providers copy from each other: of EOL's media 72 % stand on Wikimedia Commons and 14 % on iNaturalist, and the latter
come again through GBIF. A key of the host's own photo id finds such copies before any byte is fetched. Only hosts whose
addresses are understood are canonicalised; on any other host the whole address is the key, fragment and query included,
because archives tell pages apart by exactly those.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from urllib.parse import unquote

_PARTS = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):/*([^/?#\s]*)([^?#]*)(\??[^#]*)(#?.*)", re.DOTALL)
_DEFAULT_PORT = {"http": ":80", "https": ":443"}
_INAT_BUCKET = re.compile(r"inaturalist-open-data\.s3[a-z0-9.\-]*\.amazonaws\.com")
_INAT_SITE = re.compile(r"(?:[a-z0-9\-]+\.)*inaturalist\.[a-z]{2,3}(?:\.[a-z]{2})?")
_INAT_PHOTO = re.compile(r"/photos/(\d+)(?:[/.]|$)")
_FLICKR_IMAGE = re.compile(r"(?:live|farm\d+|c\d+)\.static\.?flickr\.com|(?:live|farm\d+|c\d+)\.staticflickr\.com")
_COMMONS_PAGE = re.compile(r"/+wiki/(?:File:|Image:|Special:(?:FilePath|Redirect/file)/)(.+)", re.IGNORECASE)
_BOLD = re.compile(r"(?:(?:www|v3|v4)\.)?boldsystems\.org")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def media_key(url: str | None) -> str:
    """Return the key of the medium behind a URL; empty for an empty URL.

    The key is a host's own photo id (`inat:`, `flickr:`), file name (`commons:`, `eol:`, `bold:`, `fathomnet:`), or
    `url:` with the address: no http(s) scheme, host in lower case, no default port, fragment and query kept.

    >>> media_key("https://static.inaturalist.org/photos/80747453/original.jpg?1593046768")
    'inat:80747453'
    >>> media_key("https://commons.wikimedia.org/wiki/File:Granot.jpg")
    'commons:Granot.jpg'
    >>> media_key("http://www.Archive.org:80/stream/x#page/n215")
    'url:www.archive.org/stream/x#page/n215'
    """
    address = (url or "").strip()
    if not address:
        return ""
    match = _PARTS.fullmatch(address)
    if match is None:
        return f"url:{address}"
    scheme, host, path = match[1].lower(), match[2].lower(), match[3]
    if scheme not in _DEFAULT_PORT:
        return f"url:{address}"
    host = host.removesuffix(_DEFAULT_PORT[scheme])
    place = host + path[:40]
    for token, rule in _RULES:
        if token in place and (key := rule(host, path, match[4], match[5])):
            return key
    return f"url:{host}{path}{match[4]}{match[5]}"


def page_media_key(page: str | None, copy: str | None) -> str:
    """Return the key of a copy, by the page it was taken from where that page shows exactly one medium.

    A page on a host that is not understood may show many media, so that its address must not become their key.

    >>> page_media_key("https://www.inaturalist.org/photos/1746183", "https://content.eol.org/data/media/2c/2a/08/18.x.jpg")
    'inat:1746183'
    >>> page_media_key("http://example.org/taxon/1", "https://content.eol.org/data/media/2c/2a/08/18.x.jpg")
    'eol:2c/2a/08/18.x'
    """
    key = media_key(page)
    return key if key and not key.startswith("url:") else media_key(copy)


def _inat(host: str, path: str, _query: str, _fragment: str) -> str:
    bucket = _INAT_BUCKET.fullmatch(host) or (
        host.endswith("amazonaws.com") and path.startswith("/inaturalist-open-data/")
    )
    if bucket or _INAT_SITE.fullmatch(host):
        match = _INAT_PHOTO.search(path)
        return f"inat:{match[1].lstrip('0') or '0'}" if match else ""
    return ""


def _commons(host: str, path: str, query: str, _fragment: str) -> str:
    name = ""
    if host == "upload.wikimedia.org":
        match = re.match(r"/+wikipedia/commons/(?:thumb/)?[0-9a-f]/[0-9a-f]{2}/([^/]+)", path)
        name = match[1] if match else ""
    elif host in ("commons.wikimedia.org", "commons.m.wikimedia.org"):
        match = re.match(
            r"/+wiki/(?:File:|Image:|Special:(?:FilePath|Redirect/file)/)(.+)", unquote(path), re.IGNORECASE
        )
        if match is None:
            match = re.search(r"[?&]title=(?:File|Image):([^&]+)", unquote(query), re.IGNORECASE)
        name = match[1] if match else ""
    # MediaWiki's own rules for titles: blanks are underscores, runs of them are one, the first letter is upper case.
    title = re.sub(r"[\s_]+", "_", unicodedata.normalize("NFC", unquote(name))).strip("_")
    return f"commons:{title[0].upper()}{title[1:]}" if title else ""


def _flickr(host: str, path: str, _query: str, _fragment: str) -> str:
    match = None
    if host in ("www.flickr.com", "flickr.com", "m.flickr.com"):
        match = re.match(r"/+photos/(?!tags/)[^/]+/(\d+)(?:/|$)", path)
    elif _FLICKR_IMAGE.fullmatch(host):
        match = re.match(r"/+(?:\d+/)+(\d+)_[0-9a-z]+", path)
    return f"flickr:{match[1]}" if match else ""


def _eol(host: str, path: str, _query: str, _fragment: str) -> str:
    if host != "content.eol.org":
        return ""
    match = re.match(r"/+data/media/(.+?)(?:\.\d+x\d+)?(?:\.[A-Za-z0-9]{1,5})?$", path)
    return f"eol:{match[1]}" if match else ""


def _fathomnet(host: str, path: str, _query: str, fragment: str) -> str:
    if host not in ("fathomnet.org", "www.fathomnet.org", "database.fathomnet.org"):
        return ""
    page = _UUID.search(fragment.lower())
    if page:
        return f"fathomnet:{page[0]}"
    # Both hosts serve the same store: the path alone is the key.
    return f"fathomnet:{unquote(path).lstrip('/')}" if path.startswith("/static/") else ""


def _bold(host: str, path: str, _query: str, _fragment: str) -> str:
    match = re.match(r"/+pics/(.+)", path) if _BOLD.fullmatch(host) else None
    return f"bold:{unquote(match[1])}" if match else ""


_Rule = Callable[[str, str, str, str], str]
# The token is what every address that the rule understands holds in its host or at the start of its path.
_RULES: tuple[tuple[str, _Rule], ...] = (
    ("inaturalist", _inat),
    ("wikimedia.org", _commons),
    ("flickr", _flickr),
    ("content.eol.org", _eol),
    ("fathomnet.org", _fathomnet),
    ("boldsystems.org", _bold),
)
HOST_TOKENS = tuple(token for token, _ in _RULES)
"""A key is `url:` and the address unless one of these stands in it."""
