"""Bytes a pixel of pictures as they are fetched and as they are stored, over folders of real pictures.

    python -m tests.performance.stored_bytes FOLDER ...

Every folder below those that are named, with at least ten pictures, is a collection. What `pipeline.planning` reckons
with is the mean of the collections' means; the interval that it states with it runs from the smallest to the largest
of them, as a recipe's pictures are those of some collection, not of all. Pictures that are smaller than the side are
left out, as nothing is made smaller of them.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from manifests import ImageRules
from pipeline.media import process

SIDES = (128, 224, 256, 384, 512)
QUALITIES = (75, 85, 90, 95)
LEAST = 10
"""Pictures of a collection."""


def collections(roots: list[Path]) -> Iterator[tuple[str, list[bytes]]]:
    """Yield the folders that hold enough pictures, with the bytes of each."""
    found: dict[Path, list[Path]] = defaultdict(list)
    for root in roots:
        for path in sorted(root.rglob("*")):
            if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp"):
                found[path.parent].append(path)
    for folder, paths in sorted(found.items()):
        if len(paths) >= LEAST:
            yield folder.name, [path.read_bytes() for path in paths]


def main() -> None:
    """Print bytes a pixel as fetched, and as stored by side and quality, of every collection."""
    held = list(collections([Path(each) for each in sys.argv[1:]]))
    for name, pictures in held:
        done = [(data, process(data, [None], ImageRules(min_side=1), 10**8)[0]) for data in pictures]
        good = [(len(data), each.source_width * each.source_height) for data, each in done if each.outcome is None]
        mean = sum(size for size, _ in good) / sum(pixels for _, pixels in good)
        pixels = sum(each for _, each in good) / len(good)
        print(f"fetched {name:<12} {len(good):>4} pictures {mean:.3f} B a pixel, {pixels:,.0f} pixels")
    for side in SIDES:
        for quality in QUALITIES:
            rules, means = ImageRules(side=side, quality=quality, min_side=side), []
            for _, pictures in held:
                stored = [process(data, [None], rules, 10**8)[0] for data in pictures]
                used = [each for each in stored if each.outcome is None and min(each.width, each.height) == side]
                used = [each for each in used if each.reencoded]
                if len(used) >= LEAST:
                    means.append(sum(len(e.jpeg) for e in used) / sum(e.width * e.height for e in used))
            if means:
                told = " ".join(f"{mean:.3f}" for mean in means)
                print(f"stored side {side} quality {quality}: {sum(means) / len(means):.3f} of {told}")


if __name__ == "__main__":
    main()
