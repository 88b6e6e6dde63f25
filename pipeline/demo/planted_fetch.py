"""Plants that end when their bytes are asked for: hosts that refuse, vanish, lie or cut off, and broken files."""

from __future__ import annotations

import io
import struct
import zlib

from PIL import Image

from pipeline.demo import eol, gbif
from pipeline.demo.bioscan import SIDE
from pipeline.demo.draft import Draft, area
from pipeline.demo.draw import jpeg
from pipeline.demo.web import Behaviour
from pipeline.model.outcomes import Outcome

_PAGE = b"<!DOCTYPE html>\n<html><head><title>Moved</title></head><body>The picture has moved.</body></html>\n"
_DRAWING = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<svg xmlns="http://www.w3.org/2000/svg" width="200" height="160">'
    b'<circle cx="100" cy="80" r="60"/></svg>\n'
)


def add_fetch(draft: Draft) -> None:
    """Add every plant of this kind."""
    _refusals(draft)
    _lies(draft)
    _detours(draft)
    _other_sources(draft)


def _plant(
    draft: Draft,
    outcome: Outcome,
    data: bytes,
    behaviour: Behaviour | None = None,
    suffix: str = ".jpg",
    note: str = "",
) -> None:
    named = draft.species["Rhinella marina"].named()
    url = draft.host(data, suffix, slow=behaviour is not None, behaviour=behaviour)
    row_id = draft.gbif.medium(draft.gbif.occurrence(named), url, licence=gbif.LICENCES["CC-BY"])
    draft.truth.add(row_id, gbif.SOURCE, outcome, note=note)


def _picture(draft: Draft) -> bytes:
    return jpeg(draft.draw(draft.species["Rhinella marina"]))


def _refusals(draft: Draft) -> None:
    for status in (404, 410, 404):
        _plant(draft, Outcome.GONE, b"", Behaviour(status), note=str(status))
    for _ in range(2):
        _plant(draft, Outcome.BLOCKED, b"", Behaviour(403), note="403")
        _plant(draft, Outcome.THROTTLED, b"", Behaviour(429, retry_after="0"), note="429, always")
    _plant(draft, Outcome.HTTP_ERROR, b"", Behaviour(500), note="500, always")


def _lies(draft: Draft) -> None:
    for _ in range(2):
        _plant(draft, Outcome.NOT_AN_IMAGE, _PAGE, Behaviour(content_type="image/jpeg"), note="a page called a JPEG")
        data = _picture(draft)
        _plant(draft, Outcome.TRUNCATED, data[: len(data) * 3 // 5], note="cut at three fifths")
    _plant(draft, Outcome.UNSUPPORTED_FORMAT, _DRAWING, suffix=".svg", note="SVG")
    _plant(draft, Outcome.TOO_MANY_PIXELS, _bomb(20_000), suffix=".png", note="20,000 x 20,000 pixels announced")
    _plant(draft, Outcome.EMPTY, b"", note="no bytes")
    _plant(
        draft, Outcome.SHORT_BODY, _picture(draft), Behaviour(announce_more=500), note="500 bytes fewer than announced"
    )
    small = draft.draw(draft.species["Rhinella marina"]).resize((30, 22), Image.Resampling.LANCZOS)
    _plant(draft, Outcome.TOO_SMALL, jpeg(small), note="a thumbnail")


def _detours(draft: Draft) -> None:
    """Addresses that give their picture in the end: these are kept."""
    for key in ("Vanessa atalanta", "Oenanthe oenanthe"):
        species = draft.species[key]
        image = draft.draw(species)
        url = draft.host(jpeg(image), slow=True, behaviour=Behaviour(503, retry_after="0", times=1))
        draft.truth.keep(draft.gbif.photo(species.named(), url, "CC-BY", area(image)), "503 once, then the picture")
    species = draft.species["Ficus carica"]
    image = draft.draw(species)
    target = draft.host(jpeg(image))
    url = draft.web.behave("slow.biota.test", "moved/1.jpg", Behaviour(302, location=target))
    draft.truth.keep(draft.gbif.photo(species.named(), url, "CC-BY", area(image)), "redirected")
    loop = draft.web.behave(
        "slow.biota.test", "loop/1.jpg", Behaviour(302, location="http://slow.biota.test/loop/1.jpg")
    )
    row_id = draft.gbif.medium(draft.gbif.occurrence(species.named()), loop, licence=gbif.LICENCES["CC-BY"])
    draft.truth.add(row_id, gbif.SOURCE, Outcome.TOO_MANY_REDIRECTS, note="redirected to itself")


def _other_sources(draft: Draft) -> None:
    named = draft.species["Panthera leo"].named()
    for behaviour, outcome in (
        (Behaviour(404), Outcome.GONE),
        (Behaviour(content_type="image/jpeg"), Outcome.NOT_AN_IMAGE),
    ):
        url = draft.host_eol(_PAGE, behaviour)
        row_id = draft.eol.medium(draft.eol.page(named), url, eol.LICENCES["CC-BY"])
        draft.truth.add(row_id, eol.SOURCE, outcome)

    insect = draft.species["Aedes aegypti"]
    for split in ("train", "pretrain"):
        claim = draft.bioscan.specimen(insect.named(), None, split=split)
        draft.truth.end(claim, Outcome.MISSING_FILE)
    data = jpeg(draft.draw(insect, (SIDE, SIDE)))
    claim = draft.bioscan.specimen(insect.named(), data[: len(data) // 2], split="val")
    draft.truth.end(claim, Outcome.TRUNCATED)

    jelly = draft.species["Aurelia aurita"]
    image, boxes = draft.draw_frame([jelly, jelly])
    data = jpeg(image, 92)
    frame = draft.fathomnet.frame(draft.host_frame(data, Behaviour(404)), data)
    for box in boxes:
        draft.truth.end(frame.box(jelly.name, box), Outcome.GONE, note="every box of a dead frame")
    # The declared size is that of the native frame; the host serves a reduced copy, to which the box does not apply.
    image, _ = draft.draw_frame([jelly])
    data = jpeg(image, 92)
    frame = draft.fathomnet.frame(draft.host_frame(data), data, size=(1440, 1080))
    draft.truth.end(
        frame.box(jelly.name, (900, 700, 200, 200)), Outcome.BOX_OUTSIDE, note="frame smaller than declared"
    )


def _bomb(side: int) -> bytes:
    """Return a small PNG that announces a huge raster, of which it holds one row's worth of zeros."""
    buffer = io.BytesIO()
    buffer.write(b"\x89PNG\r\n\x1a\n")
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    for kind, body in ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(side + 1), 9)), (b"IEND", b"")):
        buffer.write(struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)))
    return buffer.getvalue()
