"""Measure bytes to hashes and stored image: `python tests/performance/bench_hashes.py --help`.

The same JPEGs go three ways in turn, image by image: ours (sha256, size, pHash, PDQ, quality, pixel digest, thumbnail,
resized JPEG), the plain way (imagehash and pdqhash on the full raster, LANCZOS resize, save, sha256), and the floor
(decode in full, and encode the stored raster; nothing else). CPU milliseconds per image, medians over the images of the
best of some rounds. Bars at 1 megapixel: 0.25 x the plain way, 2 x the floor.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import imagehash
import numpy as np
import pdqhash
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[2]))

from dedup import hash_image, pdq_hashes, pdq_quality, pdq_variants, phash_hashes
from manifests import ImageRules
from pipeline.media import process
from pipeline.media.images.measures import measures_of
from tests.performance.interleaving import interleaved


def picture(random: np.random.Generator, width: int, height: int) -> bytes:
    """Draw a picture with structure at all scales, as photographs have, and encode it at quality 92."""
    total = np.zeros((height, width, 3), np.float32)
    side = 3
    while side < width // 2:
        grain = random.integers(0, 256, (side * height // width + 1, side, 3), dtype=np.uint8)
        layer = Image.fromarray(grain).resize((width, height), Image.Resampling.BICUBIC)
        total += np.asarray(layer, np.float32) / side**0.9
        side *= 2
    # Grain, as sensors have: without it the file is a third of a photograph's, and decodes as quickly.
    grain = random.normal(0, 6, (height, width, 1)).astype(np.float32)
    buffer = BytesIO()
    Image.fromarray(np.clip(total / total.max() * 255 + grain, 0, 255).astype(np.uint8)).save(
        buffer, "JPEG", quality=90
    )
    return buffer.getvalue()


def ours(data: bytes, rules: ImageRules) -> object:
    return hashlib.sha256(data).hexdigest(), process(data, [None], rules, 100_000_000)


def plain(data: bytes, rules: ImageRules) -> object:
    image = Image.open(BytesIO(data)).convert("RGB")
    digest, phash = hashlib.sha256(data).hexdigest(), imagehash.phash(image)
    pdq, quality = pdqhash.compute(np.asarray(image))
    scale = min(1.0, rules.side / min(image.size))
    small = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)
    out = BytesIO()
    small.save(out, "JPEG", quality=rules.quality)
    return digest, image.size, phash, pdq, quality, out


def floor(data: bytes, rules: ImageRules, stored: Image.Image) -> object:
    image = Image.open(BytesIO(data))
    image.load()
    out = BytesIO()
    stored.save(out, "JPEG", quality=rules.quality)
    return image, out


def measure(megapixels: float, side: int, count: int, rounds: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    rules = ImageRules(side=side)
    costs: dict[str, list[float]] = {"ours": [], "plain": [], "floor": []}
    size = 0
    for _ in range(count):
        data = picture(random, height * 4 // 3, height)
        size += len(data)
        stored = Image.open(BytesIO(process(data, [None], rules, 100_000_000)[0].jpeg)).convert("RGB")
        ways: dict[str, Callable[[], object]] = {
            "ours": lambda data=data: ours(data, rules),  # type: ignore[misc]
            "plain": lambda data=data: plain(data, rules),  # type: ignore[misc]
            "floor": lambda data=data, stored=stored: floor(data, rules, stored),  # type: ignore[misc]
        }
        best = dict.fromkeys(ways, float("inf"))
        for _ in range(rounds):
            for name, work in ways.items():
                start = time.process_time()
                work()
                best[name] = min(best[name], time.process_time() - start)
        for name, took in best.items():
            costs[name].append(took * 1e3)
    each = {name: float(np.median(took)) for name, took in costs.items()}
    print(
        f"{megapixels:g} MP ({size / count / 1000:.0f} kB) to {side} px: ours {each['ours']:.1f} ms, "
        f"plain {each['plain']:.1f} ms, floor {each['floor']:.1f} ms; "
        f"{each['ours'] / each['plain']:.3f} x plain, {each['ours'] / each['floor']:.2f} x floor",
        flush=True,
    )


def parts(count: int, seed: int) -> None:
    """Print what the pieces cost: hashing a raster, and each batched hash."""
    random = np.random.default_rng(seed)
    raster = Image.open(BytesIO(picture(random, 960, 720))).convert("RGB")
    blocks = random.integers(0, 256, (count, 64, 64), dtype=np.uint8)
    start = time.process_time()
    for _ in range(10):
        hash_image(raster)
    print(f"hash_image of a 960 x 720 raster: {(time.process_time() - start) * 100:.2f} ms")
    for name, work in (
        ("pHash of 64 x 64 blocks", lambda: phash_hashes(blocks)),
        ("PDQ of 64 x 64 blocks", lambda: pdq_hashes(blocks)),
        ("PDQ, all 8 variants", lambda: pdq_variants(blocks)),
        ("PDQ quality", lambda: pdq_quality(blocks)),
    ):
        start = time.process_time()
        work()
        print(f"{name}, {count} at a time: {(time.process_time() - start) / count * 1e6:.1f} us each")


def measures(megapixels: float, rounds: int, seed: int) -> None:
    """Print what the measures of a picture take of its processing, in turns."""
    random = np.random.default_rng(seed)
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    data, rules = picture(random, height * 4 // 3, height), ImageRules()
    stored = Image.open(BytesIO(process(data, [None], rules, 100_000_000)[0].jpeg)).convert("RGB")
    taken = interleaved(
        {
            "whole": lambda: process(data, [None], rules, 100_000_000),
            "measures": lambda: [measures_of(stored) for _ in range(20)],
        },
        rounds,
    )
    each = taken["measures"] / 20
    print(f"measures of {megapixels:g} MP: {each * 1e3:.3f} ms, {100 * each / taken['whole']:.1f} % of processing it")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--images", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for megapixels, side in ((0.2, 256), (1.0, 256), (1.0, 720), (3.0, 720), (12.0, 720)):
        count = max(3, round(options.images / max(1.0, megapixels)))
        measure(megapixels, side, count, options.rounds, options.seed)
    parts(2000, options.seed)
    for megapixels in (0.2, 1.0, 3.0):
        measures(megapixels, 20 * options.rounds, options.seed)


if __name__ == "__main__":
    main()
