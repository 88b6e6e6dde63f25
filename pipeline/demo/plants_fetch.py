"""Plants that end when their bytes are asked for: hosts that refuse, vanish, lie or cut off, and broken files."""

from __future__ import annotations

import io
import struct
import zlib

from PIL import Image

from pipeline.demo import eol, gbif
from pipeline.demo.bioscan import SIDE
from pipeline.demo.book import Book, area
from pipeline.demo.draw import jpeg
from pipeline.demo.web import Behaviour
from pipeline.model.outcomes import Outcome

_PAGE = b"<!DOCTYPE html>\n<html><head><title>Moved</title></head><body>The picture has moved.</body></html>\n"
_DRAWING = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<svg xmlns="http://www.w3.org/2000/svg" width="200" height="160">'
    b'<circle cx="100" cy="80" r="60"/></svg>\n'
)


def plant_fetch(book: Book) -> None:
    """Add every plant of this kind."""
    _refusals(book)
    _lies(book)
    _detours(book)
    _other_sources(book)


def _plant(
    book: Book, outcome: Outcome, data: bytes, behaviour: Behaviour | None = None, suffix: str = ".jpg", note: str = ""
) -> None:
    named = book.cast["Rhinella marina"].named()
    url = book.host(data, suffix, slow=behaviour is not None, behaviour=behaviour)
    row_id = book.gbif.medium(book.gbif.occurrence(named), url, licence=gbif.LICENCES["CC-BY"])
    book.truth.add(row_id, gbif.SOURCE, outcome, note=note)


def _picture(book: Book) -> bytes:
    return jpeg(book.draw(book.cast["Rhinella marina"]))


def _refusals(book: Book) -> None:
    for status in (404, 410, 404):
        _plant(book, Outcome.GONE, b"", Behaviour(status), note=str(status))
    for _ in range(2):
        _plant(book, Outcome.BLOCKED, b"", Behaviour(403), note="403")
        _plant(book, Outcome.THROTTLED, b"", Behaviour(429, retry_after="0"), note="429, always")
    _plant(book, Outcome.HTTP_ERROR, b"", Behaviour(500), note="500, always")


def _lies(book: Book) -> None:
    for _ in range(2):
        _plant(book, Outcome.NOT_AN_IMAGE, _PAGE, Behaviour(content_type="image/jpeg"), note="a page called a JPEG")
        data = _picture(book)
        _plant(book, Outcome.TRUNCATED, data[: len(data) * 3 // 5], note="cut at three fifths")
    _plant(book, Outcome.UNSUPPORTED_FORMAT, _DRAWING, suffix=".svg", note="SVG")
    _plant(book, Outcome.TOO_MANY_PIXELS, _bomb(20_000), suffix=".png", note="20,000 x 20,000 pixels announced")
    _plant(book, Outcome.EMPTY, b"", note="no bytes")
    _plant(
        book, Outcome.SHORT_BODY, _picture(book), Behaviour(announce_more=500), note="500 bytes fewer than announced"
    )
    small = book.draw(book.cast["Rhinella marina"]).resize((30, 22), Image.Resampling.LANCZOS)
    _plant(book, Outcome.TOO_SMALL, jpeg(small), note="a thumbnail")


def _detours(book: Book) -> None:
    """Addresses that give their picture in the end: these are kept."""
    for key in ("Vanessa atalanta", "Oenanthe oenanthe"):
        species = book.cast[key]
        image = book.draw(species)
        url = book.host(jpeg(image), slow=True, behaviour=Behaviour(503, retry_after="0", times=1))
        book.truth.keep(book.gbif.photo(species.named(), url, "CC-BY", area(image)), "503 once, then the picture")
    species = book.cast["Ficus carica"]
    image = book.draw(species)
    target = book.host(jpeg(image))
    url = book.web.behave("slow.biota.test", "moved/1.jpg", Behaviour(302, location=target))
    book.truth.keep(book.gbif.photo(species.named(), url, "CC-BY", area(image)), "redirected")
    loop = book.web.behave(
        "slow.biota.test", "loop/1.jpg", Behaviour(302, location="http://slow.biota.test/loop/1.jpg")
    )
    row_id = book.gbif.medium(book.gbif.occurrence(species.named()), loop, licence=gbif.LICENCES["CC-BY"])
    book.truth.add(row_id, gbif.SOURCE, Outcome.TOO_MANY_REDIRECTS, note="redirected to itself")


def _other_sources(book: Book) -> None:
    named = book.cast["Panthera leo"].named()
    for behaviour, outcome in (
        (Behaviour(404), Outcome.GONE),
        (Behaviour(content_type="image/jpeg"), Outcome.NOT_AN_IMAGE),
    ):
        url = book.host_eol(_PAGE, behaviour)
        row_id = book.eol.medium(book.eol.page(named), url, eol.LICENCES["CC-BY"])
        book.truth.add(row_id, eol.SOURCE, outcome)

    insect = book.cast["Aedes aegypti"]
    for split in ("train", "pretrain"):
        claim = book.bioscan.specimen(insect.named(), None, split=split)
        book.truth.end(claim, Outcome.MISSING_FILE)
    data = jpeg(book.draw(insect, (SIDE, SIDE)))
    claim = book.bioscan.specimen(insect.named(), data[: len(data) // 2], split="val")
    book.truth.end(claim, Outcome.TRUNCATED)

    jelly = book.cast["Aurelia aurita"]
    image, boxes = book.draw_frame([jelly, jelly])
    data = jpeg(image, 92)
    frame = book.fathomnet.frame(book.host_frame(data, Behaviour(404)), data)
    for box in boxes:
        book.truth.end(frame.box(jelly.name, box), Outcome.GONE, note="every box of a dead frame")
    # The declared size is that of the native frame; the host serves a reduced copy, to which the box does not apply.
    image, _ = book.draw_frame([jelly])
    data = jpeg(image, 92)
    frame = book.fathomnet.frame(book.host_frame(data), data, size=(1440, 1080))
    book.truth.end(frame.box(jelly.name, (900, 700, 200, 200)), Outcome.BOX_OUTSIDE, note="frame smaller than declared")


def _bomb(side: int) -> bytes:
    """Give a small PNG that announces a huge raster, of which it holds one row's worth of zeros."""
    buffer = io.BytesIO()
    buffer.write(b"\x89PNG\r\n\x1a\n")
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    for kind, body in ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(side + 1), 9)), (b"IEND", b"")):
        buffer.write(struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)))
    return buffer.getvalue()
