"""The head of an answer, read strictly: status line and header fields (RFC 9112 sections 4 and 5).

Written for one question: can it be known where this answer ends? Python's own parser hands headers to the one for
mail, which ends them at a line it does not understand and splits them at control characters, so that a Content-Length
may be lost or made up on the way. What is merely untidy (a bare LF, a line that is no field) is read over, and makes
the connection one that is not used again; what leaves the end of the answer in doubt is a FramingError.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from http.client import HTTPException, RemoteDisconnected
from typing import Protocol

MAX_LINE = 65536
"""Bytes of one line of a head, of a chunk's size with its extensions, or of a trailer."""
MAX_FIELDS = 200
MAX_HEAD = 1 << 18
"""Bytes of all lines of one head: as many are held for every answer that is being read."""
MAX_INTERIM = 32
"""Interim answers (1xx) that are read over before the final one."""
_STATUS = re.compile(rb"HTTP/1\.([0-9])[ \t]+([1-9][0-9]{2})(?:[ \t]+([^\r\n\0]*))?")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\0\r\n]*)")
_NAME = re.compile(rb"[^:\s\0]*")
_FRAMING = frozenset({b"content-length", b"transfer-encoding"})


class FramingError(HTTPException):
    """Where an answer ends cannot be known, or what was sent is no HTTP."""


class CutError(ConnectionResetError):
    """The connection ended within the head of an answer."""


class Lines(Protocol):
    """What heads are read from."""

    def readline(self, size: int = -1, /) -> bytes:
        """Return a line with its end; a shorter one at the end of the stream."""


@dataclass(frozen=True, slots=True)
class Head:
    """A final status line and its fields."""

    minor: int
    """The x of HTTP/1.x."""
    status: int
    reason: str
    fields: tuple[tuple[str, str], ...]
    """(name, value) in their order, in Latin-1; folded lines joined."""
    tidy: bool = True
    """Whether every line was well formed; else the connection is not worth keeping."""
    unread: bool = False
    """Whether a line was no field: it may have been the one that says where the answer ends."""

    def values(self, name: str) -> list[str]:
        """Return the values of a field, by its name in lower case."""
        return [value for key, value in self.fields if key.lower() == name]

    def tokens(self, name: str) -> list[str]:
        """Return the members of a comma-separated field, in lower case."""
        return [part.strip(" \t").lower() for value in self.values(name) for part in value.split(",")]


def read_head(lines: Lines) -> Head:
    """Read up to the empty line that ends the head of the final answer; interim ones (1xx) are read over.

    Raises FramingError for what is no HTTP/1.x, for 101 (no other protocol was asked for) and for more than MAX_INTERIM
    interim answers; CutError, or RemoteDisconnected when not a byte came, at an early end.

    >>> import io
    >>> hints, final = b"HTTP/1.1 103 Early Hints\\r\\n\\r\\n", b"HTTP/1.1 200 OK\\r\\nA: b\\r\\n\\r\\n"
    >>> head = read_head(io.BytesIO(hints + final))
    >>> head.status, head.fields, head.tidy
    (200, (('A', 'b'),), True)
    >>> read_head(io.BytesIO(b"SSH-2.0-OpenSSH_9.2\\r\\n"))
    Traceback (most recent call last):
    pipeline.media.http.heads.FramingError: not an HTTP/1.x status line: 'SSH-2.0-OpenSSH_9.2'
    """
    for number in range(MAX_INTERIM + 1):
        minor, status, reason = _status_line(lines, first=number == 0)
        fields, tidy, unread = _fields(lines)
        if status == 101:
            raise FramingError("the host switches protocols (status 101), which nobody asked for")
        if status >= 200:
            return Head(minor, status, reason, fields, tidy, unread)
    raise FramingError(f"more than {MAX_INTERIM} interim answers")


def read_trailers(lines: Lines) -> bool:
    """Read the lines behind the last chunk, up to the empty one; False when the connection ends before it.

    A body is complete without them (RFC 9112 section 8). Raises FramingError for a line that is no field: then the
    chunk that seemed to be the last one need not have been it.

    >>> import io
    >>> read_trailers(io.BytesIO(b"Digest: x\\r\\n\\r\\n")), read_trailers(io.BytesIO(b"Dig"))
    (True, False)
    """
    for _ in range(MAX_FIELDS):
        line = lines.readline(MAX_LINE + 1)
        if line == b"\r\n":
            return True
        if len(line) <= MAX_LINE and not line.endswith(b"\n"):
            return False
        if not line.endswith(b"\r\n") or not _FIELD.fullmatch(line[:-2]):
            raise FramingError(f"not a trailer: {quoted(line)}")
    raise FramingError(f"more than {MAX_FIELDS} trailers")


def quoted(text: bytes) -> str:
    """Return foreign bytes as words of a detail: short, on one line, the same in every run.

    >>> quoted(b"-5\\r\\n")
    "'-5'"
    """
    return repr(text.rstrip(b"\r\n").decode("latin-1")[:60])


def _status_line(lines: Lines, first: bool) -> tuple[int, int, str]:
    line = lines.readline(MAX_LINE + 1)
    if not line and first:
        raise RemoteDisconnected("Remote end closed connection without response")
    match = _STATUS.fullmatch(_content(line))
    if line.endswith(b"\n") and match is not None:
        return int(match[1]), int(match[2]), (match[3] or b"").strip(b" \t").decode("latin-1")
    if len(line) <= MAX_LINE and not line.endswith(b"\n") and line[:5] == b"HTTP/"[: len(line)]:
        raise CutError("the connection ended within the status line")
    raise FramingError(f"not an HTTP/1.x status line: {quoted(line)}")


def _fields(lines: Lines) -> tuple[tuple[tuple[str, str], ...], bool, bool]:
    """Return the fields up to the empty line, whether all lines were well formed, and whether one was no field."""
    fields: list[tuple[str, str]] = []
    tidy, unread, size = True, False, 0
    for _ in range(MAX_FIELDS + 1):
        line = lines.readline(MAX_LINE + 1)
        size += len(line)
        if len(line) > MAX_LINE or size > MAX_HEAD:
            raise FramingError(f"headers of more than {MAX_HEAD} bytes, or {MAX_LINE} in one line")
        if not line.endswith(b"\n"):
            raise CutError("the connection ended within the headers")
        tidy = tidy and line.endswith(b"\r\n")
        content = _content(line)
        if not content:
            return tuple(fields), tidy, unread
        match = _FIELD.fullmatch(content)
        if match is not None:
            fields.append((match[1].decode("latin-1"), match[2].rstrip(b" \t").decode("latin-1")))
            continue
        tidy = False
        if content[:1] in b" \t" and fields and b"\0" not in content and b"\r" not in content:
            # RFC 9112 section 5.2: a folded line goes on with the one before it.
            name, value = fields[-1]
            if name.lower().encode("latin-1") in _FRAMING:
                raise FramingError(f"the header {name} goes on in another line: {quoted(content)}")
            more = content.strip(b" \t").decode("latin-1")
            fields[-1] = (name, f"{value} {more}".strip())
            continue
        unread = True
        named = _NAME.match(content.lstrip())
        if named is not None and named[0].lower() in _FRAMING:
            raise FramingError(f"a header that should say where the answer ends cannot be read: {quoted(content)}")
    raise FramingError(f"more than {MAX_FIELDS} headers")


def _content(line: bytes) -> bytes:
    """Return a line without its end: CRLF, or the bare LF that RFC 9112 section 2.2 lets us accept."""
    return line[:-2] if line.endswith(b"\r\n") else line.removesuffix(b"\n")
