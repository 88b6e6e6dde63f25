"""The coded picture of a JPEG file, scan by scan: what a decoder is given, and what its marks alone say about damage.

A decoder fills what is missing with grey and goes on. Three facts can be read without decoding: a scan that is missing,
a run of one byte that no encoder writes, and how much work the scans ask for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

MIN_HOLE = 64
"""Zero bytes in a row, in Huffman codes whose zero bits mean more than 'as before', that are a hole in the file."""
MIN_HOLE_REFINING = 256
"""The same in a scan that refines coefficients: up to 1,000 correction bits stand there without a code between them."""
_JFIF = b"\xff\xe0\x00\x10JFIF\0\x01\x01\x00\x00\x01\x00\x01\x00\x00"  # version 1.1, square pixels, no thumbnail
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")
_NO_ZERO = re.compile(rb"[^\x00]")
_FILLED = re.compile(rb"\xff\xff\x00")  # fill bytes may stand before a marker only (T.81, B.1.1.2)
_SCAN, _END, _HUFFMAN, _ADOBE = 0xDA, 0xD9, 0xC4, 0xEE
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_LOSSLESS = 0xC3
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_END_OF_BLOCKS = frozenset(run << 4 for run in range(15))  # EOB, and EOBn of progressive scans
Tables = dict[int, int]
"""Class and number of a Huffman table (T.81, B.2.4.2) to the symbol whose code is all zero bits."""


@dataclass(frozen=True, slots=True)
class Component:
    """A colour component of the frame: its id and sampling factors."""

    id: int
    across: int
    down: int


@dataclass(frozen=True, slots=True)
class Scan:
    """One scan: the components' ids with their table numbers, the coefficients and bits it brings, and its data."""

    components: tuple[tuple[int, int], ...]
    first: int
    last: int
    high: int
    low: int
    data: memoryview
    zeros: Tables = field(repr=False)


@dataclass(slots=True)
class CodedPicture:
    """The first picture of a JPEG file: frame and scans, without metadata and without what follows its end."""

    process: int = 0
    """Low byte of the frame's marker (T.81, table B.1): 0xC0 baseline, 0xC2 progressive, 0xC9 arithmetic, ..."""
    width: int = 0
    height: int = 0
    components: tuple[Component, ...] = ()
    scans: list[Scan] = field(default_factory=list)
    ended: bool = False
    """Whether the end mark is there."""
    parts: list[bytes | memoryview] = field(default_factory=list)
    """Segments and scans' data in turn, as they stand in the file; a scan's data follows its header."""
    data_at: list[int] = field(default_factory=list)
    """Where in `parts` the scans' data are."""
    jfif: bool = False
    adobe: int = -1

    @property
    def progressive(self) -> bool:
        """Whether the picture is coded in several passes over its coefficients."""
        return self.process in _PROGRESSIVE

    @property
    def arithmetic(self) -> bool:
        """Whether the picture is in arithmetic instead of Huffman codes."""
        return self.process >= 0xC9

    def file(self, tail: bytes = b"") -> bytes:
        """Return the picture as a plain JPEG file, `tail` set behind the data of every scan."""
        head: list[bytes | memoryview] = [b"\xff\xd8"]
        if self.jfif:
            head.append(_JFIF)
        if self.adobe >= 0:
            head.append(b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00" + bytes((self.adobe,)))
        if not tail:
            return b"".join([*head, *self.parts, b"\xff\xd9"])
        for number, part in enumerate(self.parts):
            head += [part, tail] if number in self.data_at else [part]
        return b"".join([*head, b"\xff\xd9"])

    def visits(self) -> int:
        """Return how many samples the scans pass over together: what decoding costs, however few the bytes are."""
        sizes = {component.id: self._samples(component) for component in self.components}
        return sum(sizes.get(number, 0) for scan in self.scans for number, _ in scan.components)

    def coefficients(self) -> int:
        """Return how many coefficients a decoder holds at a time: all, if they come in more than one scan."""
        whole = self.progressive or len(self.scans) > 1
        return sum(self._samples(component) for component in self.components) if whole else 0

    def _samples(self, component: Component) -> int:
        across = max(part.across for part in self.components)
        down = max(part.down for part in self.components)
        wide, high = -(-self.width * component.across // across), -(-self.height * component.down // down)
        return (wide + 7) // 8 * ((high + 7) // 8) * 64


def coded_picture(data: bytes) -> CodedPicture:
    """Return the first picture of a JPEG file, as far as the file goes; bytes between segments are left out.

    Source: ITU-T T.81, annex B; JFIF 1.02. Colour marks (JFIF, Adobe) are kept as libjpeg reads them.

    >>> coded_picture(b"\\xff\\xd8\\xff\\xd9").ended
    True
    """
    picture = CodedPicture()
    zeros: Tables = {}
    at, view = 2, memoryview(data)
    while (marker := _MARKER.search(data, at)) is not None:
        code = data[marker.start() + 1]
        if code == _END:
            picture.ended = True
            break
        end = marker.end() + max(2, int.from_bytes(data[marker.end() : marker.end() + 2], "big"))
        body = data[marker.end() + 2 : end]
        at = end
        if 0xE0 <= code <= 0xEF or code == 0xFE:
            picture.jfif = picture.jfif or (code == 0xE0 and len(body) >= 14 and body.startswith(b"JFIF\0"))
            if code == _ADOBE and body.startswith(b"Adobe") and len(body) >= 12:
                picture.adobe = body[11] if body[11] <= 2 else 1  # libjpeg, too, takes unknown ones for YCbCr
            continue
        if code == _SCAN and not picture.progressive and picture.process != _LOSSLESS and len(body) >= 4:
            body = body[:-3] + b"\x00\x3f\x00"  # some cameras write other numbers where only these can be meant
        picture.parts.append(data[marker.start() : marker.end() + 2] + body)
        if code in _FRAMES and not picture.components:
            _read_frame(picture, code, body)
        elif code == _HUFFMAN:
            _read_tables(zeros, body)
        elif code == _SCAN:
            following = _MARKER.search(data, end)
            at = following.start() if following is not None else len(data)
            picture.data_at.append(len(picture.parts))
            picture.parts.append(view[end:at])
            scan = _scan(body, view[end:at], dict(zeros))
            if scan is not None:
                picture.scans.append(scan)
    if picture.adobe == 1 and len(picture.components) == 4:
        picture.adobe = 2
    if picture.progressive and len(picture.data_at) > 1 and not picture.parts[picture.data_at[-1]]:
        del picture.parts[picture.data_at.pop() - 1 :]  # a last scan without data: nothing that could be decoded
    return picture


def visible_damage(picture: CodedPicture) -> str:
    """Return what shows without decoding that a part of the picture is lost; '' for nothing.

    >>> visible_damage(coded_picture(b"\\xff\\xd8\\xff\\xd9"))
    'no scan'
    """
    if not picture.scans:
        return "no scan"
    for number, scan in enumerate(picture.scans, 1):
        if _FILLED.search(scan.data):
            return f"fill bytes inside scan {number}"
        hole = None if picture.arithmetic else _hole(scan, picture.progressive)
        if hole is not None and number == len(picture.scans) and hole[1] == len(scan.data):
            hole = None  # padding, if the picture is whole without it: the decoder will tell
        if hole is not None:
            return f"{hole[1] - hole[0]} zero bytes in a row in scan {number}"
    return _missing_scan(picture)


def _missing_scan(picture: CodedPicture) -> str:
    """Return which scan a whole picture would have and this one lacks.

    Every component must come; in a progressive picture every coefficient, in full precision. The last scan may be
    missing where it refines one component by its last bit, and may have no data: some encoders leave it out.
    """
    bits: dict[int, list[int]] = {component.id: [-1] * 64 for component in picture.components}
    for scan in picture.scans:
        for number, _ in scan.components:
            for index in range(scan.first, min(scan.last, 63) + 1) if picture.progressive else range(64):
                if number in bits:
                    bits[number][index] = scan.low if picture.progressive else 0
    if any(-1 in known for known in bits.values()):
        return "a scan is missing"
    unrefined = [max(known) for known in bits.values() if max(known) > 0]
    return "a refining scan is missing" if len(unrefined) > 1 or max(unrefined, default=0) > 1 else ""


def _hole(scan: Scan, progressive: bool) -> tuple[int, int] | None:
    """Return where zero bytes stand that no encoder wrote, if the scan's tables tell.

    A picture's flat parts may be zero bits without end, where these are the codes of 'same level, no detail'. With
    other tables they would be the same strong detail over and over, in every coefficient of every block.
    """
    # Where every block is one bit, without codes, any bytes are possible.
    if (progressive and scan.first == 0 and scan.high > 0) or (run := zero_run(scan.data, MIN_HOLE)) is None:
        return None
    flat = True
    for _, tables in scan.components:
        if not progressive or scan.first == 0:
            flat = flat and scan.zeros.get(tables >> 4, 0) == 0
        if not progressive or scan.first > 0:
            flat = flat and scan.zeros.get(16 | (tables & 15), 0) in (_END_OF_BLOCKS if progressive else (0,))
    if flat:
        return None
    return zero_run(scan.data, MIN_HOLE_REFINING) if scan.high > 0 else run


def zero_run(data: bytes | memoryview, least: int, at: int = 0) -> tuple[int, int] | None:
    """Return where the first `least` or more zero bytes in a row begin and end, from an offset on.

    >>> zero_run(b"abc" + bytes(9) + b"d", 8), zero_run(b"abc", 1)
    ((3, 12), None)
    """
    data = bytes(data)  # no copy of bytes; a regular expression would take a hundred times the time
    start = data.find(bytes(least), at)
    if start < 0:
        return None
    following = _NO_ZERO.search(data, start)
    return start, following.start() if following is not None else len(data)


def _read_frame(picture: CodedPicture, code: int, body: bytes) -> None:
    """Read a frame header (T.81, B.2.2)."""
    count = body[5] if len(body) > 5 else 0
    if len(body) < 6 + 3 * count:
        return
    picture.process = code
    picture.height, picture.width = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
    picture.components = tuple(
        Component(body[at], max(1, body[at + 1] >> 4), max(1, body[at + 1] & 15)) for at in range(6, 6 + 3 * count, 3)
    )


def _read_tables(zeros: Tables, body: bytes) -> None:
    """Note the symbol with the code of zero bits, the first of the shortest, of every table (T.81, B.2.4.2)."""
    at = 0
    while at + 17 <= len(body):
        count = sum(body[at + 1 : at + 17])
        if count and at + 17 < len(body):
            zeros[body[at]] = body[at + 17]
        at += 17 + count


def _scan(body: bytes, data: memoryview, zeros: Tables) -> Scan | None:
    """Read a scan header (T.81, B.2.3)."""
    count = body[0] if body else 0
    if len(body) < 4 + 2 * count:
        return None
    components = tuple((body[at], body[at + 1]) for at in range(1, 1 + 2 * count, 2))
    first, last, bits = body[1 + 2 * count : 4 + 2 * count]
    return Scan(components, first, last, bits >> 4, bits & 15, data, zeros)
