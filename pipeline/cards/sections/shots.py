"""The pictures of a report: square crops of kept and of ended images, until a report has as many bytes as it may.

Bytes are read where they lie, in a shard or in what fetch stored, and only of images that are shown. A picture whose
bytes are gone, or are not what was noted of them, is shown by its words alone.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from io import BytesIO

from PIL import Image, ImageOps

from pipeline.cards.sections.section import Picture
from pipeline.storage.places import Place

SIDE, QUALITY = 160, 60
MOST_BYTES = 1_000_000
"""Of all pictures of a report together, as they stand in it."""


@dataclass
class Shots:
    """Makes the pictures of one report."""

    root: Place
    left: int = MOST_BYTES
    made: dict[str, str] = field(default_factory=dict)

    def kept(self, shard: str, offset: int, length: int, digest: str, caption: str, note: str, record: str) -> Picture:
        """Return the picture of a kept image, by its place in a shard and the SHA-256 of its bytes in hex."""
        return Picture(self.data(self.root / "shards" / shard, offset, length, digest), caption, note, record)

    def stored(
        self, unit: str | None, offset: int | None, length: int | None, caption: str, note: str, record: str = ""
    ) -> Picture:
        """Return the picture of an image that fetch stored, by its unit's blob and its place in it."""
        data = ""
        if unit is not None and offset is not None and length is not None:
            data = self.data(self.root / "fetch" / "blobs" / f"{unit}.bin", offset, length, "")
        return Picture(data, caption, note, record)

    def grey(self, thumbnail: bytes, caption: str, note: str) -> Picture:
        """Return the picture of a held-out image, of which a run keeps 64 x 64 grey pixels."""
        return Picture(self._url(Image.frombytes("L", (64, 64), thumbnail)), caption, note)

    def data(self, path: Place, offset: int, length: int, digest: str) -> str:
        """Return the data: URL of the picture at a place in a file, of the SHA-256 ('' for any); '' where it is not."""
        name = f"{path}\0{offset}"
        if name not in self.made:
            self.made[name] = self._read(path, offset, length, digest)
            return self.made[name]
        return self._within(self.made[name])  # it stands in the page once more

    def _read(self, path: Place, offset: int, length: int, digest: str) -> str:
        if self.left <= 0:
            return ""
        try:
            with path.open("rb") as handle:
                handle.seek(offset)
                data = handle.read(length)
        except FileNotFoundError:  # blobs may be removed once a run is done
            return ""
        if digest and hashlib.sha256(data).hexdigest() != digest:
            return ""
        try:
            with Image.open(BytesIO(data)) as picture:
                picture.draft("RGB", (2 * SIDE, 2 * SIDE))
                return self._url(ImageOps.fit(picture.convert("RGB"), (SIDE, SIDE)))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):  # Pillow's words for no whole picture
            return ""

    def _url(self, picture: Image.Image) -> str:
        buffer = BytesIO()
        picture.save(buffer, "WEBP", quality=QUALITY, method=4)
        url = "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()
        return self._within(url)

    def _within(self, url: str) -> str:
        if len(url) > self.left:
            self.left = 0
            return ""
        self.left -= len(url)
        return url
