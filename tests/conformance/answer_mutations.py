"""Answers that are valid but for one mutation, wholly random ones, and what a client may make of each.

Every URL has a body that names it, in every ten bytes, so that a body under a wrong URL is seen for what it is.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.conformance.bad_bodies import JPEG

CRLF = b"\r\n"


@dataclass
class Plan:
    """One answer: what is sent, and what may come of it."""

    name: str
    parts: list[bytes | float]
    """Bytes to send, and seconds to pause between them."""
    right: bytes | None
    """The one body that may be accepted; None: no body may."""
    must: bool = False
    """Whether it has to be accepted, if not at first then when asked again."""
    end: str = "open"
    """What the server does then: leaves the connection 'open', closes it ('fin') or resets it ('rst')."""
    rest: bool = False
    """Whether the client leaves the connection alone until everything was sent."""
    reached: list[str] = field(default_factory=list)
    oracle: bool = False
    """Whether `right` is the body before edits at random: an independent parser says what the bytes mean now."""


def body_of(number: int, rng: random.Random) -> bytes:
    size = rng.choice((1, 9, 40, 300, 2000, 9000, 70_000 if rng.random() < 0.1 else 5000))
    unit = b"<%07d>" % number
    return (unit * (size // len(unit) + 1))[: max(size, len(unit))]


def head(*fields: bytes, status: bytes = b"HTTP/1.1 200 OK") -> bytes:
    return CRLF.join((status, *fields, b"", b""))


def by_length(body: bytes, *fields: bytes, status: bytes = b"HTTP/1.1 200 OK") -> bytes:
    return head(b"Content-Type: image/jpeg", *fields, b"Content-Length: %d" % len(body), status=status) + body


def pieces(body: bytes, rng: random.Random) -> list[bytes]:
    cuts = (
        sorted(rng.sample(range(1, len(body)), min(len(body) - 1, rng.choice((0, 1, 2, 5))))) if len(body) > 1 else []
    )
    return [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]


def chunk(part: bytes, extension: bytes = b"") -> bytes:
    return b"%x%s\r\n%s\r\n" % (len(part), extension, part)


CHUNKED = b"Transfer-Encoding: chunked"


def chunked(body: bytes, rng: random.Random, extension: bytes = b"", trailers: bytes = b"") -> bytes:
    return head(CHUNKED) + b"".join(chunk(p, extension) for p in pieces(body, rng)) + b"0\r\n" + trailers + CRLF


Make = Callable[[int, bytes, random.Random], Plan]

GOOD: dict[str, Make] = {
    "length": lambda n, b, r: Plan("", [by_length(b)], b, True),
    "chunked": lambda n, b, r: Plan("", [chunked(b, r)], b, True),
    "chunk-extensions": lambda n, b, r: Plan("", [chunked(b, r, r.choice((b";a", b";a=b", b' ; a="b c"')))], b, True),
    "trailers": lambda n, b, r: Plan("", [chunked(b, r, trailers=b"Digest: x\r\nServer-Timing: y\r\n")], b, True),
    "chunk-size-upper-padded": lambda n, b, r: Plan(
        "", [head(CHUNKED) + b"000%X  \r\n" % len(b) + b + b"\r\n000\r\n\r\n"], b, True
    ),
    "to-the-close": lambda n, b, r: Plan("", [head(b"Server: x") + b], b, True, "fin"),
    "close-announced": lambda n, b, r: Plan("", [by_length(b, b"Connection: close")], b, True, "fin"),
    "http-1.0": lambda n, b, r: Plan("", [by_length(b, status=b"HTTP/1.0 200 OK")], b, True, "fin"),
    "http-1.0-kept": lambda n, b, r: Plan(
        "", [by_length(b, b"Connection: keep-alive", status=b"HTTP/1.0 200 OK")], b, True
    ),
    "length-twice-the-same": lambda n, b, r: Plan("", [by_length(b, b"Content-Length: %d" % len(b))], b, True),
    "length-listed-twice": lambda n, b, r: Plan("", [head(b"Content-Length: %d, %d" % (len(b), len(b))) + b], b, True),
    "length-beside-chunks": lambda n, b, r: Plan(
        "", [head(CHUNKED, b"Content-Length: %d" % r.choice((1, len(b) + 9))) + chunk(b) + b"0\r\n\r\n"], b, True
    ),
    "bare-lf-head": lambda n, b, r: Plan("", [by_length(b).replace(CRLF, b"\n", 4)], b, True),
    "folded-header": lambda n, b, r: Plan("", [by_length(b, b"X-Long: a\r\n  b\r\n\tc")], b, True),
    "junk-header-line": lambda n, b, r: Plan("", [by_length(b, b"no field at all", b": empty", b"X y: z")], b, True),
    "no-reason": lambda n, b, r: Plan("", [by_length(b, status=b"HTTP/1.1 200")], b, True),
    "two-packets": lambda n, b, r: Plan("", [(w := by_length(b))[: len(w) // 2], 0.0005, w[len(w) // 2 :]], b, True),
    "no-content": lambda n, b, r: Plan("", [head(status=b"HTTP/1.1 204 No Content")], None),
    "not-modified-with-length": lambda n, b, r: Plan(
        "", [head(b"Content-Length: %d" % len(b), status=b"HTTP/1.1 304 Not Modified")], None
    ),
    "error-page": lambda n, b, r: Plan("", [by_length(b, status=b"HTTP/1.1 404 Not Found")], None),
    "error-page-chunked": lambda n, b, r: Plan(
        "", [head(CHUNKED, status=b"HTTP/1.1 500 Oh") + chunk(b) + b"0\r\n\r\n"], None
    ),
    "redirect-page": lambda n, b, r: Plan("", [by_length(b, b"Location: /x", status=b"HTTP/1.1 302 Found")], None),
}
"""Framings that are right, of which every one must be understood."""

STATUS_LINES = (
    b"HTTP/1.1 000 Zero", b"HTTP/1.1 099 Low", b"HTTP/1.1 20 Short", b"HTTP/1.1 2000 Long",
    b"HTTP/1.1 -1 Minus", b"HTTP/1.1 +200 Plus", b"HTTP/1.1 2_0 Under", b"HTTP/1.1 0x64 Hex",
    b"HTTP/1.1 \xd9\xa2\xd9\xa0\xd9\xa0 Arabic", b"HTTP/1.1", b"HTTP/1.1 ", b"HTTP/2 200 OK",
    b"HTTP/3.0 200 OK", b"HTTP/0.9 200 OK", b"HTTP/1.10 200 OK", b"HTTP/11 200 OK", b"HTP/1.1 200 OK",
    b" HTTP/1.1 200 OK", b"http/1.1 200 OK", b"ICY 200 OK", b"HTTP/1.1 200OK", b"", b"\xff\xd8\xff\xe0",
    b"HTTP/1.1 101 Switching Protocols", b"HTTP/1.1 200 a\rb", b"HTTP/1.1 200 a\0b",
    b"HTTP/1.1 " + b"2" * 70_000, b"X" * 70_000, b"SSH-2.0-OpenSSH_9.2", b"220 ftp.example.org", b"<html>",
)  # fmt: skip
LENGTHS = (
    b"-5", b"-0", b"+5", b"5_0", b"0x10", b"1e2", b"5.0", b"5 5", b"", b" ", b"\xb2", b"\xd9\xa5", b"5;",
    b"5\0", b"abc", b"5, 6", b"5,", b",5", b"9" * 30, b"9" * 5000, b"\"5\"", b"5\r\n 6", b"5\r6", b"infinity",
    b"0b1",
)  # fmt: skip
SIZES = (
    b"-5", b"-0", b"+5", b"5_0", b"0x10", b"", b" ", b" 5", b"g", b"\xb2", b"\xd9\xa5", b"5 5", b"5\r", b"\0",
    b"F" * 16, b"F" * 40, b"1" * 70_000, b"5" + b";a" * 40_000, b"5.", b"0b1", b"\t5", b"5\0", b"5,a", b"5\n",
    b"zz", b"7fffffffffffffff", b"fffffffffffff",
)  # fmt: skip
MARKS = (b"", b"\n", b"\r", b"xx", b"\n\r", b"\r\r", b"0\r\n", b"\0\0")
CODINGS = (
    b"gzip", b"gzip, chunked", b"chunked, gzip", b"chunked, chunked", b"xchunked", b"chunked;q=1",
    b"\"chunked\"", b"chunked,", b"chun ked", b"", b"deflate", b"identity, chunked", b"\x0bchunked",
    b"chunked\0", b"chunked\r\nTransfer-Encoding: chunked",
)  # fmt: skip
LINES = (
    b"Content-Length 7", b"Content-Length : 7", b"Content-Length\t: 7", b" Content-Length: 7",
    b"Content-Length\0: 7", b"Transfer-Encoding : chunked", b"Transfer-Encoding\x0b: chunked",
    b"X: \0\r\nContent-Length: -1", b"Content-Length: 7\r\nContent-Length: 8",
    b"CONTENT-LENGTH: 8\r\nContent-length: 7",
)  # fmt: skip


def _bad_chunk_end(number: int, body: bytes, rng: random.Random, mark: bytes) -> Plan:
    first, rest = body[: len(body) // 2], body[len(body) // 2 :]
    wire = head(CHUNKED) + b"%x\r\n" % len(first) + first + mark + chunk(rest) + b"0\r\n\r\n"
    return Plan("", [wire], None, end="fin")


def _wrong_size(number: int, body: bytes, rng: random.Random) -> Plan:
    size = max(1, len(body) + rng.choice((-3, -2, -1, 1, 2, 3, 7)))
    if size == len(body):
        size += 1
    return Plan("", [head(CHUNKED) + b"%x\r\n" % size + body + b"\r\n0\r\n\r\n"], None, end="fin")


def _length_off(number: int, body: bytes, rng: random.Random) -> Plan:
    """A length that is too small frames a beginning, which is what the host says; one too large is never complete."""
    size = max(0, len(body) + rng.choice((-7, -1, 1, 7, 500)))
    right = body[:size] if 0 < size < len(body) else None
    return Plan("", [head(b"Content-Length: %d" % size) + body], right, end="fin")


def _interim(number: int, body: bytes, rng: random.Random) -> Plan:
    codes = [rng.choice([code for code in range(100, 200) if code != 101]) for _ in range(rng.choice((1, 2, 5, 9, 20)))]
    wire: list[bytes | float] = []
    for code in codes:
        fields = rng.choice(((), (b"Link: </a.css>; rel=preload",), (b"Content-Length: 9",), (CHUNKED,)))
        wire += [head(*fields, status=b"HTTP/1.1 %d Wait" % code)]
        if rng.random() < 0.2:
            wire.append(rng.choice((0.0, 0.001)))
    final = by_length(body) if rng.random() < 0.5 else chunked(body, rng)
    return Plan("", [*wire, final], body, True, reached=[f"status {code}" for code in codes])


def _interim_with_body(number: int, body: bytes, rng: random.Random) -> Plan:
    wire = head(b"Content-Length: 5", status=b"HTTP/1.1 103 Early Hints") + b"hello" + by_length(body)
    return Plan("", [wire], None)


def _stray(number: int, rng: random.Random) -> bytes:
    other = body_of(number + 5_000_000, rng)
    return rng.choice((by_length(other), chunked(other, rng), by_length(other), b"\r\n", b"garbage", other, b"\0"))


def _two_in_one(number: int, body: bytes, rng: random.Random) -> Plan:
    first = by_length(body) if rng.random() < 0.5 else chunked(body, rng)
    return Plan("", [first + _stray(number, rng)], body, True)


def _late_bytes(number: int, body: bytes, rng: random.Random) -> Plan:
    first = by_length(body) if rng.random() < 0.5 else chunked(body, rng)
    return Plan("", [first, rng.choice((0.0, 0.0005, 0.001)), _stray(number, rng)], body, True, rest=True)


def _late_garbage(number: int, body: bytes, rng: random.Random) -> Plan:
    """Bytes that come when the next request may have been sent: they are no answer, so they cannot be taken for one."""
    stray = rng.choice((b"\r\n", b"garbage\r\n\r\n", b"\0" * 9, body, b"HTTP/1.1 103 Early Hints\r\n\r\n"))
    return Plan("", [by_length(body), rng.choice((0.0005, 0.001, 0.003)), stray], body, True)


def _late_interim_bodies(number: int, body: bytes, rng: random.Random) -> Plan:
    """Bodies behind answers that have none."""
    status = rng.choice((b"HTTP/1.1 204 No Content", b"HTTP/1.1 304 Not Modified"))
    return Plan("", [by_length(body, status=status)], None)


def _picture_named(number: int, body: bytes, rng: random.Random) -> Plan:
    picture = JPEG + body
    name = rng.choice((b"aws-chunked", b"none", b"binary", b"utf-8", b"br", b"zstd", b"x, gzip", b"gzip", b"deflate"))
    return Plan("", [by_length(picture, b"Content-Encoding: " + name)], picture, True)


def _places(framing: str, body: bytes, rng: random.Random) -> tuple[bytes, dict[str, int]]:
    """Return a whole answer and the places at which it can break off: name, bytes before it."""
    if framing == "length":
        wire = by_length(body)
        end = wire.index(b"\r\n\r\n") + 4
        places = {"in the body": end + len(body) // 2, "one byte early": len(wire) - 1}
    else:
        first, rest = body[: len(body) // 2], body[len(body) // 2 :]
        start = head(CHUNKED)
        wire = start + chunk(first) + chunk(rest) + b"0\r\nDigest: x\r\n\r\n"
        end = len(start)
        line = len(b"%x\r\n" % len(first))
        data = end + line + len(first)
        last = wire.rindex(b"0\r\nDigest")
        places = {
            "in a chunk size": end + max(1, line - 3) if line > 3 else end,
            "in the end of a size line": end + line - 1,
            "after a chunk size": end + line,
            "in a chunk": end + line + len(first) // 2,
            "after a chunk": data,
            "in the end of a chunk": data + 1,
            "between chunks": data + 2,
            "before the last chunk": last,
            "in the last chunk": last + 1,
            "in the end of the last chunk": last + 2,
            "after the last chunk": last + 3,
            "in a trailer": last + 6,
            "after a trailer": len(wire) - 2,
            "in the last line": len(wire) - 1,
        }
    heads = {
        "before any byte": 0,
        "in the status line": 7,
        "in the status": 11,
        "after the status line": 17,
        "in a header's name": 20,
        "in a header's value": end - 8,
        "before the empty line": end - 2,
        "in the empty line": end - 1,
        "after the head": end,
    }
    return wire, {**heads, **places}


CLOSES = {framing: tuple(_places(framing, b"<0000000>" * 9, random.Random(0))[1]) for framing in ("length", "chunked")}


def _early_close(framing: str, place: str, end: str) -> Make:
    def make(number: int, body: bytes, rng: random.Random) -> Plan:
        wire, places = _places(framing, body, rng)
        at = places[place]
        # The chunk of size 0 completes a body (RFC 9112 section 8), whatever becomes of the trailers.
        complete = framing == "chunked" and at >= places["after the last chunk"]
        return Plan("", [wire[:at]], body if complete else None, end=end)

    return make


BAD: dict[str, Make] = {
    **{
        f"status line {line[:24]!r}": lambda n, b, r, line=line: Plan(  # type: ignore[misc]
            "", [by_length(b, status=line)], None, end="fin"
        )
        for line in STATUS_LINES
    },
    **{
        f"length {text[:24]!r}": lambda n, b, r, text=text: Plan(  # type: ignore[misc]
            "", [head(b"Content-Length: " + text) + b], None, end="fin"
        )
        for text in LENGTHS
    },
    **{
        f"chunk size {text[:24]!r}": lambda n, b, r, text=text: Plan(  # type: ignore[misc]
            "", [head(CHUNKED) + text + CRLF + b + b"\r\n0\r\n\r\n"], None, end="fin"
        )
        for text in SIZES
    },
    **{
        f"chunk end {mark!r}": lambda n, b, r, mark=mark: _bad_chunk_end(n, b, r, mark)  # type: ignore[misc]
        for mark in MARKS
    },
    **{
        f"coding {text[:24]!r}": lambda n, b, r, text=text: Plan(  # type: ignore[misc]
            "", [head(b"Transfer-Encoding: " + text) + chunk(b) + b"0\r\n\r\n"], None, end="fin"
        )
        for text in CODINGS
    },
    **{
        f"line {line[:24]!r}": lambda n, b, r, line=line: Plan("", [head(line) + b], None, end="fin")  # type: ignore[misc]
        for line in LINES
    },
    **{
        f"{end} {place} ({framing})": _early_close(framing, place, end)
        for framing, places in CLOSES.items()
        for place in places
        for end in ("fin", "rst")
    },
    "interim answers": _interim,
    "interim answer with a body": _interim_with_body,
    "too many interim answers": lambda n, b, r: Plan(
        "", [head(status=b"HTTP/1.1 102 Processing") * 40 + by_length(b)], None
    ),
    "wrong chunk size": _wrong_size,
    "length off": _length_off,
    "two in one": _two_in_one,
    "late bytes": _late_bytes,
    "late garbage": _late_garbage,
    "body where none is": _late_interim_bodies,
    "encoding in name": _picture_named,
    "many headers": lambda n, b, r: Plan("", [by_length(b, *[b"X-A: b"] * 400)], None),
    "long header": lambda n, b, r: Plan("", [by_length(b, b"X-A: " + b"b" * 70_000)], None),
    "chunks of one byte": lambda n, b, r: Plan(
        "", [head(CHUNKED) + b"".join(chunk(b[i : i + 1]) for i in range(len(b))) + b"0\r\n\r\n"], b
    ),
    "chunks in name only": lambda n, b, r: Plan("", [head(CHUNKED) + b], None, end="fin"),
    "trailer that is the next answer": lambda n, b, r: Plan(
        "", [head(CHUNKED) + chunk(b) + b"0\r\n" + _stray(n, r)], b, end="fin"
    ),
}
"""Answers with one mutation."""


_SCRAPS = (CRLF, b"\n", b"\r", b"\0", b":", b"0", b"-", b" ", b"chunked")


def _edited(wire: bytes, rng: random.Random) -> bytes:
    out = bytearray(wire)
    for _ in range(rng.choice((1, 1, 1, 2, 4, 8))):
        # Most edits where the framing is: in the head.
        at = rng.randrange(min(len(out), 120)) if rng.random() < 0.6 and out else rng.randrange(len(out) + 1)
        kind = rng.randrange(6)
        if kind == 0 and at < len(out):
            out[at] = rng.randrange(256)
        elif kind == 1 and at < len(out):
            out[at] ^= 1 << rng.randrange(8)
        elif kind == 2:
            del out[at : at + rng.choice((1, 2, 5, 40))]
        elif kind == 3:
            out[at:at] = rng.choice(
                (CRLF, b"\n", b"\r", b"\0", b":", b"0", b"-", b" ", b"chunked", bytes([rng.randrange(256)]))
            )
        elif kind == 4:
            start = rng.randrange(len(out) + 1)
            out[at:at] = out[start : start + rng.choice((1, 4, 30, 300))]
        else:
            del out[at:]
        if not out:
            break
    return bytes(out)


def wholly_random(number: int, body: bytes, rng: random.Random) -> Plan:
    """An answer with random edits, or random bytes altogether."""
    if rng.random() < 0.1:
        wire = rng.randbytes(rng.choice((1, 20, 300)))
    else:
        interim = head(status=b"HTTP/1.1 103 Early Hints") if rng.random() < 0.2 else b""
        wire = _edited(interim + (by_length(body) if rng.random() < 0.4 else chunked(body, rng, b";a=b")), rng)
    return Plan("random", [wire], body, end="fin", oracle=True)


_STRIDE = 61  # so that connections which are cut do not follow upon each other
_CUT = [
    f"{end} {place} ({framing})" for framing, places in CLOSES.items() for place in places for end in ("fin", "rst")
]
# What is asked for once has to come oftener than what is asked for again, to be reached as often.
_TURNS = [*GOOD] * 5 + [*BAD] + _CUT + [name for name in _CUT if "last line" in name or "trailer" in name] * 4
_TURNS += ["fin after the last chunk (chunked)", "rst after the last chunk (chunked)"] * 4
assert len(_TURNS) % _STRIDE


def plan(seed: int, number: int) -> Plan:
    """Return the answer to the URL of a number: every second one is good, so that every mutation has neighbours."""
    rng = random.Random(f"{seed}/{number}")
    body = body_of(number, rng)
    if number % 2 == 0:
        made, name = GOOD["length" if number % 4 else "chunked"](number, body, rng), "good neighbour"
    else:
        turn = number // 2
        if turn % 8 == 7:
            made, name = wholly_random(number, body, rng), "random"
        elif turn % 8 == 6:
            made, name = _interim(number, body, rng), "interim answers"
        else:
            name = _TURNS[(turn // 8 * 6 + turn % 8) * _STRIDE % len(_TURNS)]
            made = (GOOD.get(name) or BAD[name])(number, body, rng)
    made.name = name
    made.reached.append(name)
    return made
