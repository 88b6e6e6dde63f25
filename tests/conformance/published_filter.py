"""The holes of the published leak filter, as an experiment: planted leaks, failed hashes, flat images, other sizes.

Run `python -m tests.conformance.published_filter`. Photographs of the project's shared data are the held-out set; their
copies are planted in a training set. The published filter hashed the training images at 720 pixels and the tests at
their own size, skipped a batch in which one hash was missing, and dropped the quality.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pdqhash
import pyarrow as pa
from PIL import Image

from manifests import ImageRules
from pipeline.likeness.check import LeakReport, check_leaks
from pipeline.likeness.hashing import HASHED_SCHEMA, hash_row
from pipeline.likeness.sets import Picture
from tests.conformance.heliconius import DATA

SIZES = (240, 500, 0)
"""Longer side of the held-out copies, in pixels; 0: as they are."""
RULES = ImageRules(side=256)
_FLAT, _FAILED = 12, 8


def photographs(data: Path) -> list[tuple[str, Image.Image]]:
    """Return the photographs of single animals, in order of their names, without one of two equal ones."""
    found = []
    for path in sorted((data / "sources/images/commons").glob("*.jpg")):
        if path.name != "moth.jpg":
            with Image.open(path) as opened:
                found.append((path.name, opened.convert("RGB")))
    return found


def encoded(image: Image.Image, quality: int = 88) -> bytes:
    """Return the image as JPEG."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def bounded(image: Image.Image, side: int) -> Image.Image:
    """Return the image with its longer side at most `side`; 0: as it is."""
    copy = image.copy()
    if side:
        copy.thumbnail((side, side), Image.Resampling.LANCZOS)
    return copy


def hashed(named: Iterator[tuple[str, bytes]], turned: bool) -> pa.Table:
    """Hash images as the pipeline does."""
    rows = [hash_row("held-out", Picture(name, data), RULES, turned=turned) for name, data in named]
    return pa.Table.from_pylist(rows, HASHED_SCHEMA)


def planted(pictures: Sequence[tuple[str, Image.Image]]) -> LeakReport:
    """Check 100 planted leaks: 80 copies of photographs, 12 of flat images, and 8 that cannot be decoded."""
    flat = [(f"flat-{n}.jpg", Image.new("RGB", (300, 200), (20 * n, 128, 255 - 20 * n))) for n in range(_FLAT)]
    copies = [
        (f"{number:02d}-{name}", encoded(_changed(image, number), 75))
        for number, (name, image) in enumerate((*pictures, *pictures)[: 100 - _FLAT - _FAILED])
    ]
    flats = [(f"f-{name}", encoded(bounded(image, 150), 60)) for name, image in flat]
    broken = [(f"b-{name}", encoded(image)[: 600 + n]) for n, (name, image) in enumerate(pictures[:_FAILED])]
    held = ((name, encoded(image, 95)) for name, image in (*pictures, *flat))
    return check_leaks(hashed(iter((*copies, *flats, *broken)), turned=False), hashed(held, turned=True))


def _changed(image: Image.Image, number: int) -> Image.Image:
    changes = (
        lambda: image,
        lambda: bounded(image, 240),
        lambda: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        lambda: image.transpose(Image.Transpose.ROTATE_90),
        lambda: image.convert("L").convert("RGB"),
    )
    return changes[number % len(changes)]()


def recall(pictures: Sequence[tuple[str, Image.Image]], side: int) -> float:
    """Return the share of photographs found, the training copy being at most 720 pixels and the held-out one `side`."""
    train = hashed(((name, encoded(bounded(image, 720), 90)) for name, image in pictures), turned=False)
    held = hashed(((name, encoded(bounded(image, side), 90)) for name, image in pictures), turned=True)
    report = check_leaks(train, held)
    return report.state("leaked") / len(pictures)


def published_recall(pictures: Sequence[tuple[str, Image.Image]], side: int, distance: int = 10) -> float:
    """Return the share that the published filter finds: PDQ of whatever size the image has, within 10."""
    found = 0
    for _, image in pictures:
        pair = [
            pdqhash.compute(np.asarray(Image.open(io.BytesIO(encoded(bounded(image, size), 90)))))[0]
            for size in (720, side)
        ]
        found += int((pair[0] != pair[1]).sum()) <= distance
    return found / len(pictures)


def published_batch(report: LeakReport) -> int:
    """Return how many of the planted leaks the published filter finds: a batch with a missing hash is skipped whole."""
    hashes = report.train["pdq"].to_pylist()
    return 0 if None in hashes else len(hashes)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what is found."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.published_filter", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the real files")
    options = parser.parse_args(arguments)
    pictures = photographs(options.data)
    report = planted(pictures)
    found, unknown = report.count("leak"), report.count("leak_unknown")
    passed = report.train.num_rows - found - unknown
    lines = [
        f"{report.train.num_rows} planted leaks: {found} found, {unknown} reported leak_unknown, {passed} passed "
        f"(published filter: {published_batch(report)} found, as one hash of the batch is missing)"
    ]
    least = 1.0
    for side in SIZES:
        ours, theirs = recall(pictures, side), published_recall(pictures, side)
        least = min(least, ours)
        lines.append(
            f"test copies at {f'{side} px' if side else 'native size'}: recall {ours:.3f} "
            f"(published filter: {theirs:.3f}) of {len(pictures)} photographs"
        )
    sys.stdout.write("\n".join([*lines, ""]))
    return int(passed > 0 or least < 0.98)


if __name__ == "__main__":
    raise SystemExit(main())
