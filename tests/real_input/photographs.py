"""Real photographs as the pictures behind any address: which one, and which window of it, follows from a digest."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

MIN_SIDE = 200
"""Photographs with a shorter side are given as files only: a window of them would be a thumbnail."""


@dataclass(frozen=True, slots=True)
class Photographs:
    """The photographs of a folder: those that windows are cut from, decoded, and every file as it is."""

    pictures: tuple[Image.Image, ...]
    files: tuple[Path, ...]
    """All files in order of their names: photographs, TIFF scans, and files that no decoder takes."""

    @classmethod
    def of(cls, data: Path) -> Photographs:
        """Read the photographs that the folder's own list calls sound and large."""
        root = data / "sources"
        with (root / "images" / "manifest.csv").open(newline="", encoding="utf-8") as file:
            rows = sorted(csv.DictReader(file), key=lambda row: row["file"])
        sound = [
            root / row["file"]
            for row in rows
            if row["decode"] == "ok" and row["mode"] == "RGB" and min(int(row["width"]), int(row["height"])) >= MIN_SIDE
        ]
        pictures = []
        for path in sound:
            if path.parent.name in ("commons", "misc") and path.exists():
                with Image.open(path) as opened:
                    pictures.append(opened.convert("RGB"))
        listed = (root / row["file"] for row in rows)
        return cls(tuple(pictures), tuple(path for path in listed if path.exists()))

    def window(self, digest: bytes, size: tuple[int, int] | None = None) -> bytes:
        """Return a JPEG of 55 to 75 % of the sides of a photograph, resized to `size` where one is given."""
        picture = self.pictures[int.from_bytes(digest[:4], "big") % len(self.pictures)]
        share = 0.55 + 0.20 * digest[4] / 255
        width, height = round(picture.width * share), round(picture.height * share)
        left = int.from_bytes(digest[5:7], "big") * (picture.width - width) // 65535
        top = int.from_bytes(digest[7:9], "big") * (picture.height - height) // 65535
        part = picture.crop((left, top, left + width, top + height))
        if size is not None:
            part = part.resize(size, Image.Resampling.BILINEAR)
        buffer = io.BytesIO()
        part.save(buffer, "JPEG", quality=90)
        return buffer.getvalue()

    def file(self, digest: bytes) -> Path:
        """Return one of the files."""
        return self.files[int.from_bytes(digest[:4], "big") % len(self.files)]
