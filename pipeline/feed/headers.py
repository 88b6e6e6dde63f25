"""The tar header before every image that is handed out: the bytes behind it are those of the sample that was asked for.

The manifest says where an image lies. Where it is wrong, or of other shards, the bytes there may well be an image, but
another sample's: so the 512 bytes before it are read along, and must name the key and the size.
"""

from __future__ import annotations

import re

from pipeline.feed.store import Span
from pipeline.model.errors import FeedError

HEADER = 512
_NAME = re.compile(rb"[!-~]{1,100}")


def with_header(image: Span, key: str = "") -> Span:
    """Return the span of an image and the header before it.

    >>> with_header(Span("a.tar", 512, 600))
    Span(name='a.tar', start=0, end=600, key='')
    """
    return Span(image.name, image.start - HEADER, image.end, key)


def checked(data: memoryview, key: str, image: Span, where: str) -> memoryview:
    """Return the image out of the bytes of `with_header(image)`; raise FeedError unless its header says so.

    >>> from pipeline.shards.tar import header
    >>> bytes(checked(memoryview(header("a1.jpg", 3) + b"..."), "a1", Span("a.tar", 512, 515), "shards"))
    b'...'
    """
    head, name, size = bytes(data[:HEADER]), f"{key}.jpg".encode(), image.end - image.start
    # The name's 100 bytes are filled up with zeros, so what follows it tells it from a longer one.
    if head.startswith(name + b"\0") and head[124:135] == b"%011o" % size and head[257:262] == b"ustar":
        return data[HEADER:]
    raise FeedError(
        f"the manifest says that {key}.jpg, of {size:,} bytes, lies here, but before it stands {_found(head)}",
        f"{where}/{image.name}, byte {image.start}, key {key}",
        "the shards that the manifest was written with",
        "find out what is wrong: biomill verify RUN",
    )


def _found(block: bytes) -> str:
    name, size = _NAME.match(block[:100]), block[124:135]
    if block[257:262] != b"ustar" or name is None or not re.fullmatch(rb"[0-7]{11}", size):
        return "no header of a tar archive"
    return f"the header of {name[0].decode()} of {int(size, 8):,} bytes"
