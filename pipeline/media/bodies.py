"""Reading an answer's body under its caps: bytes on the wire, bytes once inflated, and completeness."""

from __future__ import annotations

import http.client
import zlib
from collections.abc import Callable

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError, IncompleteRead, InvalidChunkLength, ProtocolError

from pipeline.outcomes import Outcome

_CHUNK = 1 << 18  # asked for at a time: TLS gives 16 KB, and each piece would pass through every layer of the client
_STEP = 1 << 20  # bytes that are inflated at a time
_DISCARD = 65536  # bytes of an error page worth reading to keep its connection


class BodyError(Exception):
    """A body that cannot be used: the outcome, what happened, and whether another attempt may help."""

    def __init__(self, outcome: Outcome, detail: str, again: bool = False) -> None:
        super().__init__(detail)
        self.outcome, self.again = outcome, again


def read_body(
    response: BaseHTTPResponse, max_bytes: int, take: Callable[[int], object] = int, cut: bool = False
) -> bytes:
    """Give the whole body of an answer, content encoding removed, in at most `max_bytes` bytes.

    `take` is called with the number of bytes before they are held. `cut`: a longer body is cut at the cap, for those
    who may use a part of it.

    Raises BodyError (TOO_LARGE, SHORT_BODY, CORRUPT, HTTP_ERROR), and what urllib3 raises when the connection fails.
    The cap holds for what arrives and again for what it inflates to; a gzip bomb stops at the cap.
    """
    declared = response.headers.get("Content-Length", "").strip()
    if not cut and declared.isascii() and declared.isdigit() and (len(declared) > 18 or int(declared) > max_bytes):
        raise BodyError(Outcome.TOO_LARGE, f"{declared[:20]} bytes announced, {max_bytes} allowed")
    body = bytearray()
    try:
        while chunk := response.read(_CHUNK):
            take(len(chunk))
            body += chunk
            if len(body) > max_bytes and cut:
                response.close()
                return bytes(body[:max_bytes])
            if len(body) > max_bytes:
                raise BodyError(Outcome.TOO_LARGE, f"more than {max_bytes} bytes")
    except ProtocolError as error:
        cause = error.args[1] if len(error.args) > 1 else error.__cause__
        if isinstance(cause, IncompleteRead | InvalidChunkLength | http.client.IncompleteRead):
            detail = f"{len(body)} bytes arrived of {declared or 'a chunked body'}"
            raise BodyError(Outcome.SHORT_BODY, detail, again=True) from error
        raise
    if not body and declared.isascii() and declared.isdigit() and int(declared) > 0:
        raise BodyError(Outcome.SHORT_BODY, f"0 bytes arrived of {declared}", again=True)
    encodings = [name.strip().lower() for name in response.headers.get("Content-Encoding", "").split(",")]
    return _decoded(bytes(body), [name for name in encodings if name not in ("", "identity")], max_bytes, take)


def discard(response: BaseHTTPResponse) -> bytes:
    """Read a body nobody wants, if it is small; else close, so that no later answer is mixed up with it.

    Returns what was read of it, at most 128 KB, for those who look at error pages.
    """
    seen, page = 0, b""
    try:
        while seen < _DISCARD:
            chunk = response.read1(_DISCARD)
            if not chunk:
                return page
            seen += len(chunk)
            page += chunk
    except HTTPError:
        pass  # the answer's head already decided its outcome; only the connection is lost, and closed below
    response.close()
    return page


def _decoded(body: bytes, encodings: list[str], max_bytes: int, take: Callable[[int], object]) -> bytes:
    if not encodings or not body:
        return body
    if encodings not in (["gzip"], ["x-gzip"], ["deflate"]):
        raise BodyError(Outcome.HTTP_ERROR, f"content encoding {', '.join(encodings)[:60]!r} was not asked for")
    if encodings != ["deflate"] and body[:2] != b"\x1f\x8b":
        return body  # labelled gzip but plain: hosts that serve .svgz rules to every file do this
    if encodings == ["deflate"] and not _looks_like_zlib(body):
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)  # bare deflate, which some servers send for "deflate"
    else:
        inflater = zlib.decompressobj(zlib.MAX_WBITS | 32)
    data, rest = bytearray(), body
    try:
        while rest and not inflater.eof:
            part = inflater.decompress(rest, _STEP)
            rest = inflater.unconsumed_tail
            take(len(part))
            data += part
            if len(data) > max_bytes:
                raise BodyError(Outcome.TOO_LARGE, f"inflates to more than {max_bytes} bytes")
            if not part and not inflater.eof:
                break
        if not inflater.eof:
            data += inflater.flush()
    except zlib.error as error:
        raise BodyError(Outcome.CORRUPT, f"the {encodings[0]} body cannot be inflated") from error
    if not inflater.eof:
        raise BodyError(Outcome.SHORT_BODY, f"the {encodings[0]} body breaks off", again=True)
    return bytes(data)


def _looks_like_zlib(body: bytes) -> bool:
    """Whether the two bytes of a zlib header (RFC 1950 section 2.2) stand at the start."""
    return len(body) >= 2 and body[0] & 0x0F == 8 and (body[0] << 8 | body[1]) % 31 == 0
