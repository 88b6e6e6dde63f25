"""From encoded bytes to stored images and their hashes: one decode for the image and for all its boxes.

Whatever a host sends, `process` gives one answer per box and raises nothing. What is stored is always an sRGB JPEG
without metadata: positions in EXIF, comments, thumbnails and appended files end here. A JPEG that already fits the
rules is not encoded a second time; everything else becomes a baseline JPEG with 4:2:0 chroma.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from dedup import colours_of, hash_image
from manifests.recipe import ImageRules
from pipeline.media.images.decoding import LARGE, Facts, RejectedError, Source
from pipeline.media.images.measures import Measures, measures_of
from pipeline.media.images.raster import to_srgb
from pipeline.media.images.resampling import GAP, reduced
from pipeline.model.outcomes import Outcome

_MAX_JPEG_SIDE = 65500  # libjpeg's limit, below the 65,535 of the format
MARGIN = 1.5
"""A JPEG is decoded at 1/2, 1/4 or 1/8 where that leaves at least this many times the stored size. At 1.5 the result
differs from a full decode by less than two good resampling filters do (bench_fetch prints the PSNR)."""


@dataclass(frozen=True, slots=True)
class Box:
    """A part of an image in pixels of the image as its provider displays it, that is after EXIF orientation.

    `x`, `y`: left and top edge; `w`, `h`: width and height. Fractions widen to the pixels they touch.
    """

    x: float
    y: float
    w: float
    h: float


@dataclass(frozen=True, slots=True)
class Processed:
    """One stored image, or the outcome that says why there is none."""

    outcome: Outcome | None
    """None: the image is good and all fields are set."""
    jpeg: bytes = b""
    """The stored image: a JPEG in sRGB without metadata."""
    reencoded: bool = True
    """Whether the image was encoded for storing; False: it is the fetched JPEG, without its metadata."""
    width: int = 0
    height: int = 0
    """Size of the stored image."""
    source_width: int = 0
    source_height: int = 0
    """Size before any reduction, after orientation: of the image, or of the crop when there is a box."""
    format: str = ""
    """Pillow's name of the format that the bytes have."""
    orientation: int = 1
    """EXIF orientation that was applied, 1 to 8."""
    frames: int = 1
    """Frames or pages of the file; the first one is stored."""
    phash: int = 0
    """64-bit perceptual hash."""
    pdq: bytes = b""
    """256-bit PDQ hash, 32 bytes."""
    quality: int = 0
    """PDQ quality, 0 to 100."""
    colours: str = ""
    """What the picture has of colour: 'many', 'few' (as in a palette) or 'grey'; see `dedup.colours`."""
    measures: Measures | None = None
    """How sharp, bright, colourful and framed the stored picture is."""
    pixel_sha256: str = ""
    """Digest of the stored RGB raster before it is encoded, if it is: the same bytes and rules give the same one."""
    detail: str = ""
    """What was wrong or odd, in words, for the ledger's evidence."""


def process(data: bytes, boxes: Sequence[Box | None], rules: ImageRules, max_pixels: int) -> list[Processed]:
    """Turn encoded bytes into one stored image per box (None: the whole image), in the order of the boxes.

    Whole JPEGs are decoded at 1/2, 1/4 or 1/8 where that leaves at least MARGIN times the stored size, and kept as they
    are where nothing has to change; crops are cut from the full raster before any reduction. Each kind is decoded once,
    and neither depends on which others are asked for.
    Memory: about MAX_MEMORY (cost) at most, whatever `max_pixels` allows; Pillow's own limit of 179 MP stays on top.
    Raises nothing that depends on the bytes.

    >>> picture = io.BytesIO()
    >>> Image.new("RGB", (640, 480), "olive").save(picture, "PNG")
    >>> whole, crop = process(picture.getvalue(), [None, Box(0, 0, 100, 50)], ImageRules(side=128), 10**6)
    >>> (whole.width, whole.height), (crop.width, crop.height)
    ((171, 128), (100, 50))
    >>> process(b"<html>", [None], ImageRules(), 10**6)[0].outcome.code
    'not_an_image'
    """
    crops = [box for box in boxes if box is not None]
    try:
        # Two openings, because a full decode leaves nothing to reduce: a whole image must not depend on its boxes.
        whole = _whole(Source(data, max_pixels), rules) if len(crops) < len(boxes) or not boxes else None
        cut = iter(_crops(Source(data, max_pixels), crops, rules) if crops else ())
    except RejectedError as error:
        return [_refused(error.outcome, error.detail, error.facts)] * len(boxes)
    return [next(cut) if box is not None or whole is None else whole for box in boxes]


def stored_raster(data: bytes, rules: ImageRules, max_pixels: int) -> Image.Image | Processed:
    """Return the sRGB raster that `process` would store for the whole image, or the refusal; `min_side` is not asked.

    For those who hash images that are not kept, such as held-out ones, exactly as kept ones are hashed.

    >>> picture = io.BytesIO()
    >>> Image.new("RGB", (640, 480), "olive").save(picture, "PNG")
    >>> stored_raster(picture.getvalue(), ImageRules(side=128), 10**6).size
    (171, 128)
    """
    found = stored_picture(data, rules, max_pixels)
    return found if isinstance(found, Processed) else found[0]


def stored_picture(data: bytes, rules: ImageRules, max_pixels: int) -> tuple[Image.Image, str] | Processed:
    """Return what `stored_raster` gives, with what the picture has of colour: 'many', 'few' or 'grey'.

    >>> picture = io.BytesIO()
    >>> Image.new("RGB", (640, 480), "olive").save(picture, "PNG")
    >>> stored_picture(picture.getvalue(), ImageRules(side=128), 10**6)[1]
    'grey'
    """
    try:
        source = Source(data, max_pixels)
        raster = to_srgb(_whole_raster(source, rules), source.profile)[0]
        return raster, colours_of(raster, source.few_colours)
    except RejectedError as error:
        return _refused(error.outcome, error.detail, error.facts)


def _whole(source: Source, rules: ImageRules) -> Processed:
    """Store the whole image."""
    facts = source.facts
    if min(facts.width, facts.height) < rules.min_side:
        return _too_small(facts, facts.width, facts.height, rules)
    kept = source.kept() if _target(*source.size, rules) == source.size else None
    return _stored(_whole_raster(source, rules), source, facts.width, facts.height, rules, kept)


def _whole_raster(source: Source, rules: ImageRules) -> Image.Image:
    """Decode the whole image no larger than needed, and reduce it to its stored size."""
    target = _target(*source.size, rules)
    least = (math.ceil(MARGIN * target[0]), math.ceil(MARGIN * target[1]))
    region = source.reduce(*least) if target != source.size else None
    raster = source.load()
    if target != source.size or region is not None:
        raster = reduced(raster, target, rules.resampler, region)
    return raster.transpose(source.turn) if source.turn is not None else raster


def _crops(source: Source, boxes: Sequence[Box], rules: ImageRules) -> list[Processed]:
    """Store every crop, cut from the full raster."""
    facts, raster = source.facts, None
    answers: list[Processed] = []
    for box in boxes:
        cut = _clipped(box, facts.width, facts.height)
        if isinstance(cut, str):
            answers.append(_refused(Outcome.BOX_OUTSIDE, cut, facts))
            continue
        width, height = cut[2] - cut[0], cut[3] - cut[1]
        if min(width, height) < rules.min_side:
            answers.append(_too_small(facts, width, height, rules))
            continue
        if raster is None:
            raster = source.load()
        crop = _cut(raster, source, cut, _target(width, height, rules), rules.resampler)
        answers.append(_stored(crop, source, width, height, rules))
    return answers


def _cut(
    raster: Image.Image, source: Source, cut: tuple[int, int, int, int], target: tuple[int, int], resampler: str
) -> Image.Image:
    """Cut a part out of the raster as decoded, turn it and reduce it; of a large part no copy is made before."""
    part = source.unturned(cut)
    width, height = part[2] - part[0], part[3] - part[1]
    raw = target if (cut[2] - cut[0], cut[3] - cut[1]) == (width, height) else target[::-1]
    factors = max(1, int(width / raw[0] / GAP)), max(1, int(height / raw[1] / GAP))
    if width * height > LARGE and max(factors) > 1:
        small = raster.reduce(factors, box=part)
        crop = reduced(small, raw, resampler, (0.0, 0.0, width / factors[0], height / factors[1]))
        return crop.transpose(source.turn) if source.turn is not None else crop
    crop = raster.crop(part)
    crop = crop.transpose(source.turn) if source.turn is not None else crop
    return reduced(crop, target, resampler) if target != crop.size else crop


def _stored(
    raster: Image.Image, source: Source, width: int, height: int, rules: ImageRules, kept: bytes | None = None
) -> Processed:
    """Bring the reduced raster to sRGB, hash it, and encode it unless the file itself is kept."""
    raster, note = to_srgb(raster, source.profile)
    raster.info = {}  # the encoder would write the comment and resolution it finds here
    hashes = hash_image(raster)
    facts = source.facts
    return Processed(
        None,
        jpeg=kept if kept is not None else _encoded(raster, rules),
        reencoded=kept is None,
        width=raster.width,
        height=raster.height,
        source_width=width,
        source_height=height,
        format=facts.format,
        orientation=facts.orientation,
        frames=facts.frames,
        phash=hashes.phash,
        pdq=hashes.pdq,
        quality=hashes.quality,
        colours=colours_of(raster, source.few_colours),
        measures=measures_of(raster),
        pixel_sha256=hashes.pixel_sha256,
        detail=note,
    )


def _encoded(raster: Image.Image, rules: ImageRules) -> bytes:
    out = io.BytesIO()
    raster.save(out, "JPEG", quality=rules.quality, subsampling="4:2:0", progressive=False, optimize=False)
    return out.getvalue()


def _target(width: int, height: int, rules: ImageRules) -> tuple[int, int]:
    """Return the stored size: the recipe's side bounds the shorter or the longer side, and nothing is made larger.

    An image too long for JPEG at that size is made as small as JPEG needs.
    """
    bound = max(width, height) if rules.rule == "longest" else min(width, height)
    scale = min(1.0, rules.side / bound, _MAX_JPEG_SIDE / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _clipped(box: Box, width: int, height: int) -> tuple[int, int, int, int] | str:
    """Return the pixel edges (left, top, right, bottom) of a box inside the image, or why there are none."""
    if not all(math.isfinite(value) for value in (box.x, box.y, box.w, box.h)) or box.w <= 0 or box.h <= 0:
        return "the box has no area"
    left, right = max(0.0, box.x), min(float(width), box.x + box.w)
    top, bottom = max(0.0, box.y), min(float(height), box.y + box.h)
    inside = max(0.0, right - left) / box.w * (max(0.0, bottom - top) / box.h)
    if not inside >= 0.5:
        return f"{inside:.0%} of box {box.x:g},{box.y:g},{box.w:g},{box.h:g} lies in the {width} x {height} image"
    return math.floor(left), math.floor(top), math.ceil(right), math.ceil(bottom)


def _too_small(facts: Facts, width: int, height: int, rules: ImageRules) -> Processed:
    detail = f"{width} x {height} pixels, the shorter side must have {rules.min_side}"
    return _refused(Outcome.TOO_SMALL, detail, facts, (width, height))


def _refused(outcome: Outcome, detail: str, facts: Facts, size: tuple[int, int] | None = None) -> Processed:
    width, height = size or (facts.width, facts.height)
    return Processed(
        outcome,
        source_width=width,
        source_height=height,
        format=facts.format,
        orientation=facts.orientation,
        frames=facts.frames,
        detail=detail,
    )
