"""Reading an answer's body under its caps: bytes on the wire, bytes once inflated, and completeness."""

from __future__ import annotations

import http.client
from collections.abc import Callable

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError, ProtocolError

from pipeline.media.http.encodings import BodyError, decoded
from pipeline.media.http.framing import StrayError
from pipeline.model.outcomes import Outcome

_CHUNK = 1 << 18  # asked for at a time: TLS gives 16 KB, and each piece would pass through every layer of the client
_DISCARD = 65536  # bytes of an error page worth reading to keep its connection


def read_body(
    response: BaseHTTPResponse, max_bytes: int, take: Callable[[int], object] = int, cut: bool = False
) -> bytes:
    """Return the whole body of an answer, content encoding removed, in at most `max_bytes` bytes.

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
        if isinstance(cause, http.client.IncompleteRead):
            detail = f"{len(body)} bytes arrived of {declared or 'a body that did not come to its end'}"
            raise BodyError(Outcome.SHORT_BODY, detail, again=True) from error
        raise
    if not body and declared.isascii() and declared.isdigit() and int(declared) > 0:
        raise BodyError(Outcome.SHORT_BODY, f"0 bytes arrived of {declared}", again=True)
    return decoded(bytes(body), response.headers.get("Content-Encoding", ""), max_bytes, take, text=cut)


def discard(response: BaseHTTPResponse) -> bytes:
    """Return the body of an answer that is no medium: the whole of a small one, else its first 64 KB.

    The connection of a small one is kept; that of a larger one is closed, so that no later answer is mixed up with it.
    Raises HTTPError when this may be the answer to something else. No other failure counts, as the head already
    decided the outcome.
    """
    seen = bytearray()
    try:
        while len(seen) < _DISCARD:
            chunk = response.read1(_DISCARD)
            if not chunk:
                return bytes(seen)
            seen += chunk
    except HTTPError as error:
        if isinstance(error.__cause__, StrayError):
            raise
    response.close()
    return bytes(seen[:_DISCARD])
