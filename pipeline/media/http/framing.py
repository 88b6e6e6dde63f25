"""Where an answer ends: its body by length, by chunks or by the end of the connection (RFC 9112 section 6.3).

`FramedResponse` stands where urllib3 expects an `http.client.HTTPResponse`, and reads head and body itself: Python's
takes every interim answer but 100 for the final one, sizes such as -5, +5 or 1_0 for numbers, and any two bytes for
the end of a chunk, and then hands on a connection of which the rest of one answer is read as the next. Here a
connection is used again only when its answer was read to its end, by framing that can mean one thing only, and
nothing lies behind it.
"""

from __future__ import annotations

import io
import re
import socket
from dataclasses import dataclass
from http.client import HTTPMessage, IncompleteRead
from http.client import HTTPResponse as RawResponse
from typing import Any, Protocol

from pipeline.media.http.heads import MAX_LINE, FramingError, Head, Lines, quoted, read_head, read_trailers
from pipeline.media.http.timed_reader import TimedSocket

_LENGTH = re.compile(r"[0-9]+")
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r\n")
_LONGEST = 10**18
"""Stands for every length that is longer: more than anybody can send, and still a number for all who read it."""
_FREE_OVERHEAD = 65536
_BODILESS = frozenset({204, 304})
_FRAMING = frozenset({"content-length", "transfer-encoding"})


class StrayError(FramingError):
    """An answer on a connection that was used before is followed by more, so it may be the answer to something else."""


class Stream(Lines, Protocol):
    """What bodies are read from."""

    def read(self, size: int = -1, /) -> bytes:
        """Return so many bytes; fewer only at the end of the stream."""

    def read1(self, size: int = -1, /) -> bytes:
        """Return at most so many bytes, those that are there; none only at the end of the stream."""


@dataclass(frozen=True, slots=True)
class Framing:
    """How the end of a body is found."""

    chunked: bool = False
    length: int | None = None
    """Bytes of the body; None: chunked, or up to the end of the connection."""
    lasting: bool = True
    """Whether the connection may be used after the answer."""


def framing_of(head: Head) -> Framing:
    """Return how the body after a head is framed (RFC 9112 section 6.3, for an answer to GET).

    Raises FramingError for lengths that are no plain numbers or differ, and for transfer codings other than chunked.
    A length beside chunks is not believed, and the connection not kept, as the RFC asks.

    >>> framing_of(Head(1, 200, "OK", (("Content-Length", "5"), ("content-length", "5, 5"))))
    Framing(chunked=False, length=5, lasting=True)
    >>> framing_of(Head(1, 200, "OK", ()))
    Framing(chunked=False, length=None, lasting=False)
    >>> framing_of(Head(1, 200, "OK", (("Content-Length", "1_0"),)))
    Traceback (most recent call last):
    pipeline.media.http.heads.FramingError: the Content-Length '1_0' is not one number
    """
    codings, lengths = head.tokens("transfer-encoding"), head.tokens("content-length")
    connection = head.tokens("connection")
    lasting = head.tidy and "close" not in connection and (head.minor > 0 or "keep-alive" in connection)
    if head.status in _BODILESS:
        return Framing(length=0, lasting=lasting and not codings)
    length: int | None = None
    if lengths:
        numbers = {text.lstrip("0") or "0" for text in lengths if _LENGTH.fullmatch(text)}
        if len(numbers) != 1 or not all(_LENGTH.fullmatch(text) for text in lengths):
            raise FramingError(f"the Content-Length {', '.join(lengths)[:60]!r} is not one number")
        digits = numbers.pop()
        length = min(_LONGEST, int(digits)) if len(digits) <= 18 else _LONGEST
    if codings and codings != ["identity"]:
        if codings != ["chunked"]:
            raise FramingError(f"the transfer coding {', '.join(codings)[:60]!r} was not asked for")
        return Framing(chunked=True, lasting=lasting and not lengths and head.minor > 0)
    if length is None and head.unread:
        raise FramingError("a header cannot be read, and no other says where the answer ends")
    return Framing(length=length, lasting=lasting and length is not None and not codings)


class Chunks:
    """A chunked body (RFC 9112 section 7.1), read from a stream.

    Chunk extensions are read over. The framing may weigh as much as the body, and 64 KiB beside it: no real host
    sends a body byte by byte, and one that does costs a reader far more than it costs the sender.

    >>> chunks = Chunks(io.BytesIO(b"4;x=y\\r\\nWiki\\r\\n5\\r\\npedia\\r\\n0\\r\\n\\r\\n"))
    >>> chunks.read(100), chunks.read(100), chunks.tidy
    (b'Wikipedia', b'', True)
    >>> Chunks(io.BytesIO(b"-5\\r\\n")).read(1)
    Traceback (most recent call last):
    pipeline.media.http.heads.FramingError: not a chunk size: '-5'
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._left = 0
        self._open = self.ended = False
        self._payload = self._overhead = 0
        self.tidy = False
        """Whether the body ended, trailers and all, as it should."""

    def read(self, size: int) -> bytes:
        """Return so many bytes; fewer only at the end of the body. Raises FramingError, and IncompleteRead."""
        parts: list[bytes] = []
        while size > 0 and self._goes_on():
            part = self._exactly(min(size, self._left))
            parts.append(part)
            size -= len(part)
            self._count(part)
        return b"".join(parts)

    def read1(self, size: int) -> bytes:
        """Return at most so many bytes, those of one chunk that are there; none only at the end of the body."""
        if not self._goes_on():
            return b""
        part = self._stream.read1(min(size, self._left))
        if not part:
            raise IncompleteRead(b"", self._left)
        self._count(part)
        return part

    def _goes_on(self) -> bool:
        if not self._left and not self.ended:
            self._next()
        return not self.ended

    def _count(self, part: bytes) -> None:
        self._left -= len(part)
        self._open = not self._left

    def _next(self) -> None:
        if self._open and (mark := self._exactly(2)) != b"\r\n":
            raise FramingError(f"a chunk is followed by {quoted(mark)}, not by the end of a line")
        line = self._stream.readline(MAX_LINE + 1)
        match = _SIZE.fullmatch(line)
        if match is None:
            if len(line) <= MAX_LINE and not line.endswith(b"\n"):
                raise IncompleteRead(b"")
            raise FramingError(f"not a chunk size: {quoted(line)}")
        self._left = int(match[1], 16)
        self._payload += self._left
        self._overhead += len(line) + 2
        if self._overhead > self._payload + _FREE_OVERHEAD:
            raise FramingError("the chunks hold more framing than body")
        if not self._left:
            self.ended = True
            self.tidy = read_trailers(self._stream)

    def _exactly(self, size: int) -> bytes:
        data = self._stream.read(size)
        if len(data) < size:
            raise IncompleteRead(data, size - len(data))
        return data


class FramedResponse(RawResponse):
    """An http.client response of strict framing, whose every read ends at the deadline of the current thread.

    `used`: the connection has carried an answer before. Then bytes behind this answer, in the next `linger` seconds,
    mean that it may have been an answer to something else, which is a StrayError: a host that answers twice, late, has
    its second answer taken for that to the next request, and the true one follows on its heels. Bytes behind a
    connection's first answer only end the connection.
    """

    def __init__(self, sock: socket.socket, *args: Any, used: bool = False, linger: float = 0.0, **kwargs: Any) -> None:
        self._timed = TimedSocket(sock)
        super().__init__(self._timed, *args, **kwargs)  # type: ignore[arg-type]
        self._used, self._linger = used, linger if used else 0.0
        self._framing = Framing()
        self._chunks: Chunks | None = None
        self._left: int | None = None
        self.reusable = False
        """Whether the answer was read to its end and the connection can carry another one."""

    def begin(self) -> None:
        """Read the head. Raises FramingError, CutError, RemoteDisconnected, and what the socket raises."""
        if self.headers is not None:
            return
        head = read_head(self.fp)
        framing = framing_of(head)
        self.code = self.status = head.status
        self.reason, self.version = head.reason, 10 + min(head.minor, 1)
        message = HTTPMessage()
        for name, value in head.fields:
            if name.lower() not in _FRAMING:  # they were acted upon here, and mean nothing to those who read on
                message[name] = value
        if framing.length is not None and head.status not in _BODILESS:
            message["Content-Length"] = str(framing.length)
        message.set_payload("")
        self.headers = self.msg = message
        bodiless = self._method == "HEAD"  # its answer has the head of the other one, and ends with it
        self._framing, self._left = framing, 0 if bodiless else framing.length
        self._chunks = Chunks(self.fp) if framing.chunked and not bodiless else None
        self.chunked, self.length, self.chunk_left = framing.chunked and not bodiless, self._left, None
        self.will_close = not framing.lasting
        if self._left == 0:
            self._end(framing.lasting)

    def read(self, amt: int | None = None) -> bytes:
        """Return so many bytes of the body; fewer only at its end. Raises FramingError and IncompleteRead."""
        if self.fp is None:
            return b""
        if amt is None:
            return b"".join(iter(lambda: self.read(1 << 20), b""))
        if self._chunks is not None:
            data = self._chunks.read(amt)
            if self._chunks.ended:
                self._end(self._framing.lasting and self._chunks.tidy)
            return data
        data = self.fp.read(amt if self._left is None else min(amt, self._left))
        return self._counted(data, whole=not data and amt > 0)

    def read1(self, n: int = -1) -> bytes:
        """Return what there is of the body, up to `n` bytes; none only at its end. Raises as `read` does."""
        if self.fp is None or n == 0:
            return b""
        wanted = n if n > 0 else 65536
        if self._chunks is not None:
            data = self._chunks.read1(wanted)
            if self._chunks.ended:
                self._end(self._framing.lasting and self._chunks.tidy)
            return data
        data = self.fp.read1(wanted if self._left is None else min(wanted, self._left))
        return self._counted(data, whole=not data)

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer; return the number of bytes."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _counted(self, data: bytes, whole: bool) -> bytes:
        """Take bytes off what is left, and see whether the body is at its end; `whole`: the stream is."""
        if self._left is None:
            if whole:
                if self._timed.reader.torn:
                    raise IncompleteRead(b"")  # RFC 9112 section 9.8: anybody can cut a connection
                self._end(lasting=False)
            return data
        self._left -= len(data)
        self.length = self._left
        if self._left == 0:
            self._end(self._framing.lasting)
        elif whole:
            raise IncompleteRead(b"", self._left)
        return data

    def _end(self, lasting: bool) -> None:
        """Close the answer, which is complete, and see what lies behind it."""
        fp, self.fp = self.fp, None  # type: ignore[assignment]
        try:
            more, silent = self._timed.reader.surplus(fp, self._linger)
        finally:
            fp.close()
        if more and self._used:
            raise StrayError("bytes follow the answer on a connection that was used before, so it may be another's")
        self.reusable = lasting and silent


def unchunked(data: bytes) -> bytes:
    """Return the body that complete chunked text holds, with nothing behind it; FramingError or IncompleteRead if not.

    For content codings of the same form, as S3's aws-chunked is.

    >>> unchunked(b"3;chunk-signature=00\\r\\nabc\\r\\n0;chunk-signature=00\\r\\n\\r\\n")
    b'abc'
    """
    stream = io.BytesIO(data)
    chunks = Chunks(stream)
    body = chunks.read(len(data) + 1)
    if not chunks.tidy or stream.read(1):
        raise FramingError("the chunks do not end the body")
    return body
