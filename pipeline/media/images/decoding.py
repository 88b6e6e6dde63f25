"""Opening foreign images: the header is read and judged first, then the pixels are decoded whole or not at all."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace

from PIL import Image, ImageFile, UnidentifiedImageError, features

from dedup import has_few_colours
from pipeline.media.images.cost import coefficients_too_large, too_costly
from pipeline.media.images.decode_hints import image_hint
from pipeline.media.images.decoder_errors import DECODER_ERRORS
from pipeline.media.images.jpeg import stripped
from pipeline.media.images.jpeg_decoding import DamagedError, check_end, decoded, refuse_grey_fill
from pipeline.media.images.jpeg_scans import CodedPicture, coded_picture, visible_damage
from pipeline.media.images.prescan import MAX_FRAMES, prescan
from pipeline.media.images.raster import changes_colours, to_shallow
from pipeline.media.images.sniff import FORMATS, ends_early, is_image, sniff, without_blanks
from pipeline.media.images.stored_codes import avif_damage, bmp_damage, tiff_damage
from pipeline.media.images.webp_end import webp_damage
from pipeline.model.outcomes import Outcome

# Pillow warns at half of its own bomb limit; here every size is judged by the recipe's cap before decoding.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
# Damaged metadata is told by the outcome, or does not matter; a warning for each of millions of images helps nobody.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")

LARGE = 16_000_000
"""Pixels from which a raster is kept in the decoder's own buffer: a copy costs memory, a buffer of four bytes speed."""
MAX_TABLES = 4096
"""Bytes of headers and tables that even the smallest JPEG may have beside its picture."""
_PIXELS = re.compile(r"\((\d+) pixels\)")
_ORIENTATION = 0x0112  # EXIF 2.32, section 4.6.4
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = frozenset({5, 6, 7, 8})
# What a decoder accepts may be damaged all the same, and show it.
_SIGNS: dict[str, Callable[[bytes], str]] = {
    "WEBP": webp_damage,
    "TIFF": tiff_damage,
    "BMP": bmp_damage,
    "AVIF": avif_damage,
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What the header says about an image."""

    format: str = ""
    """Pillow's name of the format (also of recognised formats that are not decoded)."""
    width: int = 0
    height: int = 0
    """Size in pixels of the image as it is displayed, that is after orientation."""
    orientation: int = 1
    """EXIF orientation, 1 to 8; 1 when absent or unreadable."""
    frames: int = 1
    """Frames or pages of the file; only the first is ever decoded."""


class RejectedError(Exception):
    """An image that will not be stored: the outcome, the reason in words, and what is known of it."""

    def __init__(self, outcome: Outcome, detail: str, facts: Facts) -> None:
        super().__init__(detail)
        self.outcome, self.detail, self.facts = outcome, detail, facts


class Source:
    """An image whose header was accepted and whose pixels are still encoded.

    Raises RejectedError: EMPTY, NOT_AN_IMAGE, UNSUPPORTED_FORMAT, TOO_MANY_PIXELS, TRUNCATED, CORRUPT (also for a
    structure that would attack the decoder).
    """

    def __init__(self, data: bytes, max_pixels: int) -> None:
        self._data, self._max_pixels = without_blanks(data), max_pixels
        data = self._data
        self._kind = kind = sniff(data)
        self._look = _SIGNS.get(kind)
        if not data:
            raise RejectedError(Outcome.EMPTY, "no bytes", Facts())
        if not is_image(kind):
            words = f"the bytes look like {kind or 'no known format'}{image_hint(data)}"
            raise RejectedError(Outcome.NOT_AN_IMAGE, words, Facts())
        self.facts = Facts(format=kind)
        if kind not in FORMATS or (kind == "AVIF" and not features.check("avif")):  # a Pillow built without libavif
            words = "the first page is a preview of a larger picture" if kind == "PREVIEW" else f"{kind} is not decoded"
            raise RejectedError(Outcome.UNSUPPORTED_FORMAT, words, self.facts)
        structure = prescan(kind, data)
        if structure.problem:
            raise RejectedError(Outcome.CORRUPT, f"not decoded: {structure.problem}", self.facts)
        self.facts = replace(self.facts, frames=structure.frames)
        try:
            self._image = Image.open(io.BytesIO(data), formats=FORMATS)
            # The whole file is at hand, so the decoder need not be fed in parts, each copied to the last one's rest.
            if isinstance(self._image, ImageFile.ImageFile):
                self._image.decodermaxblock = len(data)
        except DECODER_ERRORS as error:
            raise self._rejected(error) from error
        width, height = self._image.size
        self.facts = replace(self.facts, width=width, height=height)
        pages = getattr(self._image, "n_frames", 1) if kind in ("JPEG", "AVIF") else 1
        if isinstance(pages, int) and pages > 1:
            self.facts = replace(self.facts, frames=min(pages, MAX_FRAMES))
        if width * height > max_pixels:
            detail = f"{width * height} pixels, {max_pixels} allowed"
            raise RejectedError(Outcome.TOO_MANY_PIXELS, detail, self.facts)
        self.few_colours = False
        """Whether the raster that `load` gave has no more colours than a palette; never what a JPEG held."""
        self._coded = coded_picture(data) if kind == "JPEG" else None
        if words := too_costly(kind, width, height, self._coded):
            raise RejectedError(Outcome.TOO_MANY_PIXELS, words, self.facts)
        if self._coded is not None:
            self._check_jpeg(self._coded)
        if kind == "PNG":
            self._decode()  # a PNG may carry its EXIF behind the pixels
        orientation = self._orientation()
        # Pillow turns TIFFs itself, while it decodes them, and gives their size as turned.
        self.turn = _TURNS.get(orientation) if kind != "TIFF" else None
        if self.turn is not None and orientation in _SIDEWAYS:
            width, height = height, width
        self.facts = replace(self.facts, width=width, height=height, orientation=orientation)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the raster that `load` gives, before it is turned."""
        return self._image.size

    def unturned(self, box: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
        """Return where edges of the image as displayed (left, top, right, bottom) lie in the raster `load` gives."""
        if self.turn is None:
            return box
        left, top, right, bottom = box
        across, down = self.facts.width, self.facts.height
        mirrored = (across - right, across - left), (down - bottom, down - top)
        turn = Image.Transpose
        if self.turn in (turn.FLIP_LEFT_RIGHT, turn.ROTATE_180, turn.ROTATE_270, turn.TRANSVERSE):
            left, right = mirrored[0]
        if self.turn in (turn.FLIP_TOP_BOTTOM, turn.ROTATE_180, turn.ROTATE_90, turn.TRANSVERSE):
            top, bottom = mirrored[1]
        return (top, left, bottom, right) if self.facts.orientation in _SIDEWAYS else (left, top, right, bottom)

    @property
    def profile(self) -> bytes | None:
        """The ICC profile that the file carries."""
        profile = self._image.info.get("icc_profile")
        return profile if isinstance(profile, bytes) else None

    def kept(self) -> bytes | None:
        """Return the file without its metadata, if it is a JPEG that can be stored as it is: upright and in sRGB.

        None too when it weighs more than its own raster: a real picture never does.
        """
        if self._kind != "JPEG" or self.turn is not None or changes_colours(self.profile):
            return None
        data = stripped(self._data)
        width, height = self._image.size
        return data if data is not None and len(data) <= 3 * width * height + MAX_TABLES else None

    def reduce(self, width: int, height: int) -> tuple[float, float, float, float] | None:
        """Let `load` give a smaller raster of at least this size, where the format can be decoded so.

        Gives the part of the smaller raster that the whole image covers; None when nothing was reduced.
        """
        drafted = self._image.draft(None, (width, height))
        return drafted[1] if drafted is not None else None

    def load(self) -> Image.Image:
        """Decode the first frame, in mode L, RGB or CMYK with 8 bits a channel, transparency laid on white."""
        if self._coded is not None and (raster := self._load_jpeg(self._coded)) is not None:
            return raster
        raster = self._load_other()
        self.few_colours = self._coded is None and has_few_colours(raster)
        return raster

    def _load_other(self) -> Image.Image:
        self._decode()
        try:
            shallow = to_shallow(self._image)
            if shallow is not self._image:
                self._image.close()  # not to hold both while a third is made
            return shallow if isinstance(shallow, Image.Image) else Image.fromarray(shallow)
        except DECODER_ERRORS as error:
            raise self._rejected(error) from error

    def _check_jpeg(self, picture: CodedPicture) -> None:
        """Refuse a picture whose damage shows without decoding."""
        if not picture.ended:
            raise RejectedError(Outcome.TRUNCATED, "the picture has no end mark", self.facts)
        if damage := visible_damage(picture):
            raise RejectedError(Outcome.CORRUPT, damage, self.facts)

    def _load_jpeg(self, picture: CodedPicture) -> Image.Image | None:
        """Decode a JPEG whose damage is told; None if that was only looked for, because Pillow has to decode it."""
        mode, (width, height) = self._image.mode, self._image.size
        large = mode == "RGB" and width * height > LARGE
        if words := coefficients_too_large(picture, width, height):
            raise RejectedError(Outcome.TOO_MANY_PIXELS, words, self.facts)
        try:
            if mode not in ("RGB", "L"):
                if decoded(picture, "CMYK", 1, 1) is None:
                    check_end(picture)
                return None
            raster = decoded(picture, "RGBX" if large else "RGB" if mode == "RGB" else "GRAY", width, height)
            if raster is None:
                check_end(picture)
        except DamagedError as error:
            words = str(error).replace("0x", "")[:200]
            raise RejectedError(Outcome.CORRUPT, words, self.facts) from error
        if raster is None or raster.shape[:2] != (height, width):
            return None
        if mode == "L":
            return Image.fromarray(raster[:, :, 0])
        return (
            Image.frombuffer("RGBX", (width, height), raster, "raw", "RGBX", 0, 1) if large else Image.fromarray(raster)
        )

    def _decode(self) -> None:
        refuse_grey_fill()
        if self._kind == "WEBP":
            self._look_for_signs()  # before the decoder holds its canvases: looking needs as many
        try:
            self._image.load()
        except DECODER_ERRORS as error:
            raise self._rejected(error) from error
        self._look_for_signs()

    def _look_for_signs(self) -> None:
        """Refuse a file whose decoder accepts what is damaged, once."""
        look, self._look = self._look, None
        if look is not None and (damage := look(self._data)):
            raise RejectedError(Outcome.CORRUPT, damage, self.facts)

    def _orientation(self) -> int:
        try:
            value = self._image.getexif().get(_ORIENTATION, 1)
        except DECODER_ERRORS:
            return 1  # damaged EXIF says nothing, and costs no image
        return value if isinstance(value, int) and 1 <= value <= 8 else 1

    def _rejected(self, error: BaseException) -> RejectedError:
        """Turn a decoder's error into TOO_MANY_PIXELS, TRUNCATED (the file ends too early) or CORRUPT."""
        words = f"{type(error).__name__}: {error}"[:200]
        if isinstance(error, Image.DecompressionBombError):
            # Pillow's own limit is a global that others in this process may set: our words do not depend on it.
            found = _PIXELS.search(words)
            if found is not None and int(found[1]) > self._max_pixels:
                words = f"{found[1]} pixels, {self._max_pixels} allowed"
            return RejectedError(Outcome.TOO_MANY_PIXELS, words, self.facts)
        if isinstance(error, UnidentifiedImageError):
            words = "the header cannot be read"  # Pillow's message names a memory address
        short = isinstance(error, EOFError) or "truncated" in words.lower() or ends_early(self._kind, self._data)
        return RejectedError(Outcome.TRUNCATED if short else Outcome.CORRUPT, words, self.facts)
