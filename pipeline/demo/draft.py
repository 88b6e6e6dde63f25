"""The draft of a corpus: everything that was drawn, hosted, listed and expected, before any of it is written."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from PIL import Image

from pipeline.demo import eol as eol_layout
from pipeline.demo.bioscan import BioscanSheet
from pipeline.demo.draw import Box, draw_frame, draw_picture, jpeg
from pipeline.demo.eol import EolSheet
from pipeline.demo.fathomnet import FRAME, FathomnetSheet
from pipeline.demo.gbif import GbifSheet
from pipeline.demo.heldout import HeldOutSheet
from pipeline.demo.species import Species, load_species
from pipeline.demo.truth import Truth
from pipeline.demo.web import Behaviour, Web


@dataclass(slots=True)
class Draft:
    """All sheets of a corpus, and the pen: pictures and addresses are numbered in the order of drawing."""

    seed: int
    species: Mapping[str, Species] = field(default_factory=load_species)
    web: Web = field(default_factory=Web)
    truth: Truth = field(default_factory=Truth)
    gbif: GbifSheet = field(default_factory=GbifSheet)
    eol: EolSheet = field(default_factory=EolSheet)
    bioscan: BioscanSheet = field(default_factory=BioscanSheet)
    fathomnet: FathomnetSheet = field(default_factory=FathomnetSheet)
    heldout: HeldOutSheet = field(default_factory=HeldOutSheet)
    drawn: int = 0
    hosted: int = 0

    def draw(self, species: Species, size: tuple[int, int] | None = None) -> Image.Image:
        """Draw another individual; without a size it gets one of its own, the shorter side at least 176 pixels."""
        key = f"{self.seed}|{self.drawn}|{species.key}"
        self.drawn += 1
        if size is None:
            chance = random.Random(f"size|{key}")
            size = (chance.randrange(216, 280, 4), chance.randrange(176, 216, 4))
        return draw_picture(species.look, key, size)

    def draw_frame(self, present: Sequence[Species]) -> tuple[Image.Image, list[Box]]:
        """Draw another frame with one individual of each species, and give their boxes."""
        key = f"{self.seed}|{self.drawn}|frame"
        self.drawn += 1
        return draw_frame([species.look for species in present], key, FRAME)

    def host(self, data: bytes, suffix: str = ".jpg", *, slow: bool = False, behaviour: Behaviour | None = None) -> str:
        """Put a medium on one of GBIF's image hosts and give its URL."""
        self.hosted += 1
        path = f"photos/{510_000 + 7 * self.hosted}/original{suffix}"
        url = self.web.put("slow.biota.test" if slow else "media.biota.test", path, data, behaviour)
        # Every fifth address carries a cache buster, as nearly half of the real ones do.
        return f"{url}?{1_700_000_000 + self.hosted}" if self.hosted % 5 == 0 else url

    def host_eol(self, data: bytes, behaviour: Behaviour | None = None) -> str:
        """Put a medium on EOL's content host and give its URL."""
        self.hosted += 1
        return self.web.put("content.biota.test", eol_layout.content_path(self.hosted), data, behaviour)

    def host_frame(self, data: bytes, behaviour: Behaviour | None = None) -> str:
        """Put a frame on FathomNet's host and give its URL."""
        self.hosted += 1
        return self.web.put("fathomnet.biota.test", f"static/framegrabs/dive-{self.hosted:04}.jpg", data, behaviour)


def area(image: Image.Image) -> int:
    """Return the number of pixels of an image.

    >>> area(Image.new("RGB", (4, 3)))
    12
    """
    return image.width * image.height


def shrunk(image: Image.Image, percent: int) -> Image.Image:
    """Return the image resized to a percentage of its sides.

    >>> shrunk(Image.new("RGB", (200, 160)), 75).size
    (150, 120)
    """
    size = (image.width * percent // 100, image.height * percent // 100)
    return image.resize(size, Image.Resampling.LANCZOS)


def recompressed(image: Image.Image, percent: int = 75, quality: int = 70) -> bytes:
    """Return a smaller, harder compressed JPEG of the image: what a re-upload looks like."""
    return jpeg(shrunk(image, percent), quality)
