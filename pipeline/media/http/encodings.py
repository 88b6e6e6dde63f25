"""Content encodings: those that were applied are undone, those that are a name only are passed over.

No encoding is asked for, yet hosts write words into Content-Encoding that say nothing of the bytes: `aws-chunked` is
left there by uploads to S3, `none`, `binary` and `utf-8` by hand. The bytes decide.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from http.client import HTTPException

from pipeline.media.http.framing import unchunked
from pipeline.media.images.sniff import is_image, sniff
from pipeline.model.outcomes import Outcome

_STEP = 1 << 20  # bytes that are inflated at a time
_IDENTITY = frozenset({"", "identity"})
_MAGIC = b"\x1f\x8b"
_GZIP = frozenset({"gzip", "x-gzip"})
_AWS = "aws-chunked"
_SIGNED = re.compile(rb"[0-9A-Fa-f]{1,16};chunk-signature=")
_CONTROLS = re.compile(rb"[\0-\x08\x0e-\x1f\x7f]")
_LOOKED_AT = 4096
_LAYERS = 4
_MEMBERS = 16


class BodyError(Exception):
    """A body that cannot be used: the outcome, what happened, and whether another attempt may help."""

    def __init__(self, outcome: Outcome, detail: str, again: bool = False) -> None:
        super().__init__(detail)
        self.outcome, self.again = outcome, again


def is_picture(body: bytes) -> bool:
    """Whether bytes begin like an image, so that no encoding is left on them.

    >>> is_picture(b"GIF89a"), is_picture(b"<html>")
    (True, False)
    """
    return is_image(sniff(body))


def is_text(body: bytes) -> bool:
    """Whether bytes are text, as a robots.txt is: compressed ones soon hold control characters.

    >>> is_text(b"User-agent: *\\r\\n"), is_text(b"\\x1b\\x03\\x00\\xf8")
    (True, False)
    """
    return _CONTROLS.search(body[:_LOOKED_AT]) is None


def decoded(body: bytes, header: str, max_bytes: int, take: Callable[[int], object] = int, text: bool = False) -> bytes:
    """Return a body with the encodings of a Content-Encoding header removed, as far as they were applied.

    A body that begins like what was asked for, a picture or (`text`) a text, needs nothing undone. `take` is called
    with the number of bytes before they are held; at most `max_bytes` are: a gzip bomb stops there, a text is cut.

    Raises BodyError: TOO_LARGE, SHORT_BODY, CORRUPT, and HTTP_ERROR for an encoding that cannot be undone.

    >>> import gzip
    >>> picture = b"GIF89a, and so on"
    >>> [decoded(gzip.compress(picture), "gzip", 99) == picture, decoded(picture, "br, gzip", 99) == picture]
    [True, True]
    >>> decoded(b"no picture", "br", 99)
    Traceback (most recent call last):
    pipeline.media.http.encodings.BodyError: content encoding 'br' was not asked for, and cannot be undone
    """
    plain = is_text if text else is_picture
    names = [name for part in header.split(",") if (name := part.strip().lower()) not in _IDENTITY]
    for name in reversed(names[-_LAYERS:]):  # RFC 9110 section 8.4: in the order in which they were applied
        if not body or plain(body):
            return body
        if name in _GZIP:
            # Labelled gzip but plain: hosts that serve .svgz rules to every file do this.
            body = _inflated(body, name, max_bytes, take, text) if body[:2] == _MAGIC else body
        elif name == "deflate":
            body = _inflated(body, name, max_bytes, take, text)
        elif name == _AWS:
            body = _unsigned(body)
    undone = _GZIP | {"deflate", _AWS}
    if body and (len(names) > _LAYERS or any(name not in undone for name in names)) and not plain(body):
        words = f"content encoding {', '.join(names)[:60]!r} was not asked for, and cannot be undone"
        raise BodyError(Outcome.HTTP_ERROR, words)
    return body


def _unsigned(body: bytes) -> bytes:
    """Return a body without the chunks of an S3 upload that was stored as it came; as it is when it has none.

    Source: Amazon S3, "Signature calculations: transferring payload in multiple chunks".
    """
    try:
        return unchunked(body)
    except HTTPException as error:
        if _SIGNED.match(body):
            raise BodyError(Outcome.CORRUPT, "the aws-chunked body cannot be put together") from error
        return body


def _inflated(body: bytes, name: str, max_bytes: int, take: Callable[[int], object], cut: bool) -> bytes:
    """Undo gzip (its first members, RFC 1952 section 2.2) or deflate; what lies behind the end is dropped."""
    data, rest = bytearray(), body
    for number in range(_MEMBERS):
        if number and rest[:2] != _MAGIC:
            break
        bare = name == "deflate" and not _looks_like_zlib(rest)  # which some servers send for "deflate"
        inflater = zlib.decompressobj(-zlib.MAX_WBITS if bare else zlib.MAX_WBITS | 32)
        try:
            while rest and not inflater.eof:
                part = inflater.decompress(rest, _STEP)
                rest = inflater.unconsumed_tail
                take(len(part))
                data += part
                if len(data) > max_bytes and cut:
                    return bytes(data[:max_bytes])
                if len(data) > max_bytes:
                    raise BodyError(Outcome.TOO_LARGE, f"inflates to more than {max_bytes} bytes")
                if not part and not inflater.eof:
                    break
            if not inflater.eof:
                data += inflater.flush()
        except zlib.error as error:
            raise BodyError(Outcome.CORRUPT, f"the {name} body cannot be inflated") from error
        if not inflater.eof:
            raise BodyError(Outcome.SHORT_BODY, f"the {name} body breaks off", again=True)
        rest = inflater.unused_data
    return bytes(data)


def _looks_like_zlib(body: bytes) -> bool:
    """Whether the two bytes of a zlib header (RFC 1950 section 2.2) stand at the start."""
    return len(body) >= 2 and body[0] & 0x0F == 8 and (body[0] << 8 | body[1]) % 31 == 0
