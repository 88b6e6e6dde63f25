"""Measure a folder end to end, and growth: `python tests/performance/bench_dedup.py --help`.

A folder of drawn pictures, each planted with four copies (re-encoded, half size, greyed, watermarked), goes through the
library: read, decode, hash, join, verify, decide. With `--imagededup PYTHON`, an interpreter that has imagededup, the
same folder goes through its PHash and its search. Recall counts the planted pairs of each picture, ten a picture;
precision the pairs found that are planted. Growth is what joining, verifying and deciding cost per image as the
number of images grows, beside what hashing costs.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

sys.path.insert(0, str(Path(__file__).parents[2]))

from dedup import Pairs, Verifier, hash_image, pairs_within, thin, thumbnails, verify_pairs
from manifests import ImageRules
from pipeline.media import Processed, stored_raster

COPIES = ("0", "q60", "half", "grey", "mark")

PEER = """
import json, os, sys, resource
from unittest.mock import MagicMock
# Its PHash needs no torchvision, but the package imports it for another method, and fails where builds do not match.
for name in ("", ".models", ".models.vision_transformer", ".transforms", ".transforms.functional"):
    sys.modules["torchvision" + name] = MagicMock()
from imagededup.methods import PHash
# It hashes in processes of its own, which os.times counts once they have ended.
method = PHash(verbose=False)
start = sum(os.times()[:4])
codes = method.encode_images(image_dir=sys.argv[1], num_enc_workers=0)
hashed = sum(os.times()[:4]) - start
start = sum(os.times()[:4])
found = method.find_duplicates(encoding_map=codes, max_distance_threshold=10, num_dist_workers=0)
took = sum(os.times()[:4]) - start
pairs = sorted({(min(a, b), max(a, b)) for a, near in found.items() for b in near})
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"hash": hashed, "search": took, "pairs": pairs, "peak": peak}))
"""


def draw(folder: Path, pictures: int, seed: int) -> None:
    """Draw pictures of 500 x 375 pixels, and the four copies of each."""
    random = np.random.default_rng(seed)
    for number in range(pictures):
        total = np.zeros((375, 500, 3), np.float32)
        for side in (4, 12, 40):
            grain = random.integers(0, 256, (side, side, 3), dtype=np.uint8)
            layer = Image.fromarray(grain).resize((500, 375), Image.Resampling.BICUBIC)
            total += np.asarray(layer, np.float32) / side**0.7
        image = Image.fromarray((total / total.max() * 255).astype(np.uint8))
        marked = image.copy()
        ImageDraw.Draw(marked).text((330, 350), "(c) A. Photographer", fill=(255, 255, 255))
        for name, copy, quality in (
            ("0", image, 92),
            ("q60", image, 60),
            ("half", image.resize((250, 187)), 90),
            ("grey", image.convert("L"), 92),
            ("mark", marked, 92),
        ):
            copy.save(folder / f"{number:05d}-{name}.jpg", "JPEG", quality=quality)


def ours(folder: Path) -> dict[str, object]:
    """Return what the library costs and finds on a folder."""
    start = time.process_time()
    names, hashes = [], []
    for path in sorted(folder.iterdir()):
        raster = stored_raster(path.read_bytes(), ImageRules(), 100_000_000)
        if not isinstance(raster, Processed):
            names.append(path.name)
            hashes.append(hash_image(raster))
    hashed = time.process_time() - start
    start = time.process_time()
    pdq = np.frombuffer(b"".join(one.pdq for one in hashes), np.uint8).reshape(-1, 32)
    blocks = thumbnails([one.thumbnail for one in hashes])
    found = verify_pairs(pairs_within(pdq, 10, collapse=False), blocks)
    decided = thin(pdq, 10, np.arange(len(pdq)), Verifier(blocks))
    took = time.process_time() - start
    near = [sorted((names[a], names[b])) for a, b in zip(found.left.tolist(), found.right.tolist(), strict=True)]
    pairs = [pair for pair, confirmed in zip(near, found.confirmed.tolist(), strict=True) if confirmed]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"hash": hashed, "search": took, "pairs": pairs, "near": near, "peak": peak, "kept": int(decided.kept.sum())}


def report(name: str, answer: dict[str, object], pictures: int) -> float:
    pairs = {tuple(pair) for pair in answer["pairs"]}  # type: ignore[attr-defined]
    true = sum(a.split("-")[0] == b.split("-")[0] for a, b in pairs)
    planted = pictures * len(COPIES) * (len(COPIES) - 1) // 2
    total = float(answer["hash"]) + float(answer["search"])  # type: ignore[arg-type]
    kept = f", {answer['kept']} kept" if "kept" in answer else ""
    print(
        f"{name}: {total:.1f} CPU s (hash {answer['hash']:.1f}, search {answer['search']:.2f}), peak "
        f"{answer['peak']:.0f} MB, recall {true / planted:.4f}, precision {true / max(1, len(pairs)):.4f}{kept}",
        flush=True,
    )
    return total


def grow(rows: int, seed: int) -> None:
    """Join, verify and decide on hashes of which every tenth has a copy near it."""
    random = np.random.default_rng(seed)
    pdq = random.integers(0, 256, (rows, 32), dtype=np.uint8)
    pdq[: rows // 10] = pdq[rows // 2 : rows // 2 + rows // 10]
    pdq[: rows // 10, 9] ^= 5
    blocks = np.zeros((1, 64, 64), np.uint8)
    start = time.process_time()
    pairs = pairs_within(pdq, 10)
    verified = verify_pairs(Pairs(pairs.left * 0, pairs.right * 0, pairs.distance), blocks)
    decided = thin(pdq, 10, random.permutation(rows))
    took = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"growth: {rows:>9,} images, join, verify {len(verified):,} pairs and decide ({int(decided.kept.sum()):,} "
        f"kept): {took / rows * 1e6:.1f} us an image, peak {peak:.0f} MB",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--pictures", type=int, default=1000, help="each makes five files")
    parser.add_argument("--imagededup", metavar="PYTHON", help="an interpreter with imagededup, to measure beside")
    parser.add_argument("--grow", type=int, nargs="*", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.folder:
        print(json.dumps(ours(options.folder)))
        return
    if options.one:
        grow(options.one, options.seed)
        return
    with tempfile.TemporaryDirectory() as name:
        draw(Path(name), options.pictures, options.seed)
        print(f"{options.pictures * len(COPIES):,} files, {len(COPIES)} of each picture", flush=True)
        command = [sys.executable, __file__, "--folder", name]
        answer = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        own = report("ours, PDQ d <= 10 and verified", answer, options.pictures)
        report("  the same without verification", answer | {"pairs": answer["near"]}, options.pictures)
        files = options.pictures * len(COPIES)
        print(f"  hashing: {float(answer['hash']) / files * 1e6:.0f} us an image")
        if options.imagededup:
            command = [options.imagededup, "-c", PEER, name]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            peer = report("imagededup, PHash d <= 10", json.loads(done.stdout.splitlines()[-1]), options.pictures)
            print(f"  imagededup takes {peer / own:.1f} x our CPU")
    for rows in options.grow:
        subprocess.run([sys.executable, __file__, "--one", str(rows), "--seed", str(options.seed)], check=True)


if __name__ == "__main__":
    main()
