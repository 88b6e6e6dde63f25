"""Size variants: the addresses at which a host offers one picture in several sizes.

A host that answers every size of a picture with the same bytes has not answered with a placeholder. So addresses that
differ by nothing but a size, a scheme or a fragment count as one picture where addresses with equal bytes are counted.
"""

from __future__ import annotations

import re

_WORDS = (
    r"(?:square|sq|icon|mini|tiny|thumb|thumbs|thumbnail|preview|small|sm|medium|med|md|large|lg|big|xl|xxl|full|max|"
    r"original|orig|originals|raw|hires|lowres|web|normal|default|native|scaled)"
)
_PIXELS = r"(?:\d{1,5}x\d{1,5}|x\d{1,5}|\d{1,5}x|\d{1,5}px|[wh]_?\d{1,5}|!?\d{1,5},\d{0,5}|,\d{1,5}|pct:[\d.]+)"
_SIZE = rf"(?:{_WORDS}|{_PIXELS})"
_SEGMENT = re.compile(rf"{_SIZE}(?:\.[a-z0-9]{{2,5}})?", re.IGNORECASE)
_AFFIX = re.compile(rf"[._@-]{_SIZE}(?=\.[a-z0-9]{{2,5}}$|$)|^\d{{2,5}}px-", re.IGNORECASE)
_FLICKR = re.compile(r"(?<=\d_[0-9a-f]{10})_[a-z0-9](?=\.[a-z]{3,4}$)")
_PARAMETER = re.compile(
    r"(?:(?:max|img|image|photo|target)?[_-]?(?:size|width|height|w|h|side|edge|dim|dimensions?)|sz|s|scale|scl|resize|"
    r"imgmax|dpr|quality|qlt|q|fit|thumb|thumbnail|version|variant|style|preset)",
    re.IGNORECASE,
)
_VALUE = re.compile(rf"(?:[\d.]{{0,6}}|{_SIZE}|true|false|yes|no|crop|clip|cover|contain|inside)", re.IGNORECASE)
_SCHEME = re.compile(r"https?://", re.IGNORECASE)


def picture_of(address: str) -> str:
    """Return the address without scheme, fragment and what only names a size: equal for size variants of one picture.

    What is left is no address any more. Numbers alone are never taken for a size in a path, where they are ids.

    >>> picture_of("https://img.example.org/photos/17/large.jpg") == picture_of(
    ...     "http://img.example.org/photos/17/original.jpeg?size=1024#top"
    ... )
    True
    >>> picture_of("https://img.example.org/photos/17/large.jpg") == picture_of(
    ...     "https://img.example.org/photos/18/large.jpg"
    ... )
    False
    """
    address = _SCHEME.sub("", address.partition("#")[0].strip(), count=1)
    path, _, query = address.partition("?")
    host, *segments = path.split("/")
    kept = [_FLICKR.sub("", _AFFIX.sub("", part)) for part in segments if not _SEGMENT.fullmatch(part)]
    left = []
    for parameter in query.split("&"):
        name, _, value = parameter.partition("=")
        if parameter and not (_PARAMETER.fullmatch(name) and _VALUE.fullmatch(value)):
            left.append(parameter)
    return "/".join([host.lower(), *kept]) + ("?" + "&".join(left) if left else "")
