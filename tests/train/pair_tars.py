"""Tars of image and caption as img2dataset leaves them: in pax form, with times that differ, beside KEY.json."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

Members = Sequence[tuple[str, bytes]]
WORDS = ("red", "green", "blue", "a chair", "a house by the sea", "two dogs", "Zürich at night", "a cup of tea")
EACH, TARS = 24, 3


def encoded(number: int, form: str = "JPEG", side: int = 40) -> bytes:
    """Return a picture whose colour its number tells."""
    colour = np.random.default_rng(number).integers(0, 256, 3)
    pixels = np.zeros((side, side + number % 7, 3)) + colour
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, form)
    return buffer.getvalue()


def write_tar(path: Path, members: Members, form: int = tarfile.PAX_FORMAT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w", format=form) as tar:
        for place, (name, data) in enumerate(members):
            told = tarfile.TarInfo(name)
            told.size, told.mtime = len(data), 1_700_000_000.25 + place
            tar.addfile(told, io.BytesIO(data))
    return path


def write_pairs(folder: Path, changed: Mapping[str, bytes] | None = None) -> Path:
    """Write tars of pairs; `changed`: other bytes for members by name, such as 000010003.jpg."""
    for shard in range(TARS):
        members: list[tuple[str, bytes]] = []
        for place in range(EACH):
            number, key = shard * EACH + place, f"{shard:05d}{place:04d}"
            form = ("JPEG", "PNG", "WEBP")[number % 3]
            image = f"{key}.{form.lower().replace('jpeg', 'jpg')}"
            caption = f"{WORDS[number % len(WORDS)]}, number {number}".encode()
            members += [(image, encoded(number, form)), (f"{key}.txt", caption)]
            members += [(f"{key}.json", json.dumps({"key": key}).encode())]
        write_tar(folder / f"{shard:05d}.tar", [(name, (changed or {}).get(name, data)) for name, data in members])
    return folder
