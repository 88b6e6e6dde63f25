"""Damage every image under the given folders in every listed way, and print what becomes of it.

usage: python -m tests.conformance.damaged_images FOLDER... [--drawn N]

Good files must be stored and damaged ones refused; 'same pixels' is a damaged file that still gives its whole picture.
"""

from __future__ import annotations

import argparse
import io
import random
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.media.images.decoding import RejectedError, Source
from pipeline.media.images.sniff import FORMATS, sniff
from tests.conformance.damage import damaged
from tests.conformance.drawn_jpegs import draw, drawn

MAX_PIXELS = 100_000_000


def outcome(data: bytes, whole: np.ndarray | None = None) -> str:
    """Return what a file ends as: an outcome's code, 'stored', or 'same pixels' as the whole picture."""
    try:
        pixels = np.asarray(Source(data, MAX_PIXELS).load().convert("RGB"))
    except RejectedError as error:
        return error.outcome.code
    return "same pixels" if whole is not None and np.array_equal(pixels, whole) else "stored"


def drawn_others(kind: str, number: int, seed: int = 5) -> Iterable[bytes]:
    """Yield pictures of a format in its common variants, large enough that each kind of damage has room."""
    rng = random.Random(f"{kind} {seed}")
    variants: dict[str, list[dict[str, object]]] = {
        "PNG": [{}, {"compress_level": 1}, {"optimize": True}],
        "WEBP": [{"quality": 80}, {"quality": 95}, {"lossless": True}, {"quality": 30}],
        "GIF": [{}, {"interlace": 0}],
        "TIFF": [{"compression": name} for name in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "raw")],
        "AVIF": [{"quality": 80}, {"quality": 40}],
        "BMP": [{}],
    }
    for turn in range(number):
        picture = draw("photo", rng.choice(((320, 240), (250, 333), (640, 200))), rng)
        out = io.BytesIO()
        picture.save(out, kind, **variants[kind][turn % len(variants[kind])])
        yield out.getvalue()


def count(files: Iterable[tuple[str, bytes]], seed: int = 5) -> dict[tuple[str, str], Counter[str]]:
    """Return (format, kind of damage) -> outcome -> files; the kind 'good' is the file as it is."""
    table: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    by_kind: dict[str, list[bytes]] = defaultdict(list)
    for _, data in files:
        kind = sniff(data)
        if kind in FORMATS:
            by_kind[kind].append(data)
    for kind, datas in sorted(by_kind.items()):
        rng = random.Random(seed)
        for number, data in enumerate(datas):
            try:
                whole = np.asarray(Source(data, MAX_PIXELS).load().convert("RGB"))
            except RejectedError as error:
                table[kind, "good"][error.outcome.code] += 1
                continue
            table[kind, "good"]["stored"] += 1
            other = datas[(number + 1) % len(datas)]
            for name, bad in damaged(kind, data, rng, other if other != data else data[::-1]):
                table[kind, name][outcome(bad, whole) if bad != data else "unchanged"] += 1
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--drawn", type=int, default=0, help="also that many drawn pictures of every format")
    args = parser.parse_args()
    files = [
        (str(path), path.read_bytes()) for one in args.folders for path in sorted(one.rglob("*")) if path.is_file()
    ]
    if args.drawn:
        files += [(name, data) for name, data in drawn(7, args.drawn) if len(data) > 3000]
        files += [(kind, data) for kind in FORMATS if kind != "JPEG" for data in drawn_others(kind, args.drawn)]
    for (kind, name), outcomes in count(files).items():
        print(f"{kind:5} {name:30}", ", ".join(f"{code} {number}" for code, number in outcomes.most_common()))


if __name__ == "__main__":
    Image.init()
    main()
