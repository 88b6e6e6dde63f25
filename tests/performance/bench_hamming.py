"""Measure the exact Hamming join and the leak search: `python tests/performance/bench_hamming.py --help`.

Self joins of random hashes with planted near pairs, each in a process of its own: CPU seconds, peak memory, pairs, and
recall on a sample compared with everything by brute force. With `--faiss PYTHON`, an interpreter that has faiss-cpu,
the same sample is searched in faiss's binary indexes over the same hashes and extrapolated to all of them. The leak
search is compared with the broadcast that TreeOfLife-toolbox uses, for equal answers: on random hashes, on dense groups
grown around the hashes of real photographs, and on these photographs turned over where real copies of some differ.
Ratios are of one run; absolute times are the machine's.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).parents[2]))

from dedup import (
    BothHashes,
    HeldOut,
    HeldOutPair,
    Leaks,
    find_leaks,
    find_pair_leaks,
    hash_image,
    key_ranges,
    pairs_within,
    plan_bands,
    range_pairs,
)

Hashes = npt.NDArray[np.uint8]
PHOTOGRAPHS = Path(__file__).parents[2] / "../shared/data/sources/images/commons"

FAISS = """
import json, sys, time
import faiss, numpy as np
faiss.omp_set_num_threads(1)
hashes, at, distance = np.load(sys.argv[1]), np.load(sys.argv[2]), int(sys.argv[3])
bits = hashes.shape[1] * 8
answer = {}
for name in sys.argv[4:]:
    start = time.process_time()
    if name == "flat":
        index = faiss.IndexBinaryFlat(bits)
    else:
        index = faiss.IndexBinaryMultiHash(bits, bits // 16, 16)
        index.nflip = distance // (bits // 16)
    index.add(hashes)
    build = time.process_time() - start
    start = time.process_time()
    limits, _, found = index.range_search(hashes[at], distance + 1)
    pairs = sum(len(found[limits[i]:limits[i + 1]]) for i in range(len(at)))
    answer[name] = [build, time.process_time() - start, pairs - len(at)]
import resource
answer["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps(answer))
"""


def planted(hashes: Hashes, random: np.random.Generator, most: int) -> Hashes:
    """Copies with 0 to `most` bits turned over."""
    bits = hashes.shape[1] * 8
    order = np.argsort(random.random((len(hashes), bits)), axis=1)
    turned = np.zeros((len(hashes), bits), np.uint8)
    counts = random.integers(0, most + 1, len(hashes))
    np.put_along_axis(turned, order, (np.arange(bits) < counts[:, np.newaxis]).astype(np.uint8), axis=1)
    return hashes ^ np.packbits(turned, axis=1)


def seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def brute_neighbours(hashes: Hashes, at: npt.NDArray[np.int64], distance: int) -> set[tuple[int, int]]:
    words = np.ascontiguousarray(hashes).view(np.uint64)
    found = set()
    for row in at.tolist():
        near = np.flatnonzero(np.bitwise_count(words ^ words[row]).sum(axis=1) <= distance)
        found |= {(min(row, other), max(row, other)) for other in near.tolist() if other != row}
    return found


def self_join(rows: int, width: int, distance: int, options: argparse.Namespace) -> None:
    random = np.random.default_rng(options.seed)
    hashes = random.integers(0, 256, (rows, width), dtype=np.uint8)
    plants = min(options.planted, rows // 2)
    target = random.choice(rows, 2 * plants, replace=False)
    hashes[target[:plants]] = planted(hashes[target[plants:]], random, distance)
    before = peak_mb()
    start = time.process_time()
    pairs = pairs_within(hashes, distance)
    took = time.process_time() - start
    found = set(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True))
    at = np.sort(np.concatenate([target[: options.sample // 2], random.choice(rows, options.sample // 2)]))
    truth = brute_neighbours(hashes, np.unique(at), distance)
    name = f"self join, {rows:,} x {width * 8} bits, d <= {distance}"
    print(f"{name}: {took:.2f} CPU s, peak {peak_mb():.0f} MB ({before:.0f} before)", end=", ")
    print(f"{len(pairs):,} pairs, recall {len(truth & found)}/{len(truth)} of a brute-forced sample", flush=True)
    if truth - found:
        raise SystemExit("the join missed a pair")
    if options.faiss:
        with tempfile.TemporaryDirectory() as folder:
            queries = random.choice(rows, min(rows, options.queries), replace=False)
            np.save(f"{folder}/hashes.npy", hashes)
            np.save(f"{folder}/at.npy", queries)
            command = [options.faiss, "-c", FAISS, f"{folder}/hashes.npy", f"{folder}/at.npy", str(distance)]
            done = subprocess.run([*command, "flat", "multihash"], check=True, capture_output=True, text=True)
        answer = json.loads(done.stdout)
        for index in ("flat", "multihash"):
            build, search, _ = answer[index]
            total = build + search / len(queries) * rows
            print(f"  faiss {index}: {total:,.1f} CPU s (from {len(queries)} queries), ", end="")
            print(f"{total / took:,.1f} x ours; peak of faiss {answer['peak']:.0f} MB", flush=True)


def in_pieces(rows: int, distance: int, budget: int, options: argparse.Namespace) -> None:
    random = np.random.default_rng(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hashes.npy"
        np.save(path, random.integers(0, 256, (rows, 32), dtype=np.uint8))
        hashes = np.load(path, mmap_mode="r")
        plan = plan_bands(256, distance)
        start = time.process_time()
        pieces = key_ranges(hashes, plan, budget)
        pairs = sum(len(range_pairs(hashes, plan, piece)) for piece in pieces)
        print(f"the same in {len(pieces)} pieces of {budget >> 20} MB, {rows:,} rows: ", end="")
        print(f"{time.process_time() - start:.2f} CPU s, peak {peak_mb():.0f} MB with the mapped file, {pairs:,} pairs")


def held_out_of(pdq: Hashes, variants: int) -> HeldOut:
    items = len(pdq) // variants
    return HeldOut(
        benchmark=("bench",) * items,
        item=tuple(str(item) for item in range(items)),
        sha256=(None,) * items,
        pixel_sha256=(None,) * items,
        outcome=(None,) * items,
        quality=np.full(items, 100, np.int16),
        pdq=pdq,
        owner=np.repeat(np.arange(items), variants),
        variant=np.tile(np.arange(variants, dtype=np.int8), items),
    )


def real_dense(rows: int, random: np.random.Generator) -> Hashes | None:
    """Return hashes grown around those of real photographs, up to 60 bits away: dense groups as releases have them."""
    if not PHOTOGRAPHS.is_dir():
        return None
    from PIL import Image

    seeds = [hash_image(Image.open(path)).pdq for path in sorted(PHOTOGRAPHS.glob("*.jpg"))]
    base = np.frombuffer(b"".join(seeds), np.uint8).reshape(-1, 32)
    parts = [planted(base[random.integers(0, len(base), min(50_000, rows - at))], random, 60)
             for at in range(0, rows, 50_000)]  # fmt: skip
    return np.concatenate(parts)


def real_copies(rows: int, random: np.random.Generator) -> Hashes | None:
    """Return hashes of real photographs, each turned over in bits in which copies of a real one differed from it."""
    if not PHOTOGRAPHS.is_dir():
        return None
    from PIL import Image, ImageEnhance, ImageFilter

    seeds, turned = [], []
    for path in sorted(PHOTOGRAPHS.glob("*.jpg")):
        image = Image.open(path).convert("RGB")
        image.thumbnail((256, 256))
        seeds.append(hash_image(image).pdq)
        for _ in range(40):
            width, height = image.size
            some = random.random(4) < 0.4
            copy = ImageEnhance.Brightness(image).enhance(random.uniform(0.7, 1.3) if some[0] else 1)
            copy = ImageEnhance.Contrast(copy).enhance(random.uniform(0.7, 1.3) if some[1] else 1)
            copy = copy.filter(ImageFilter.GaussianBlur(random.uniform(0.3, 2) if some[2] else 0))
            if some[3]:
                copy = copy.crop(
                    (int(random.uniform(0, 0.03) * width), int(random.uniform(0, 0.03) * height), *image.size)
                )
            turned.append(np.frombuffer(hash_image(copy).pdq, np.uint8) ^ np.frombuffer(seeds[-1], np.uint8))
    base, between = np.frombuffer(b"".join(seeds), np.uint8).reshape(-1, 32), np.stack(turned)
    which = random.integers(0, len(between), (2, rows))
    drawn: npt.NDArray[np.uint8] = base[random.integers(0, len(base), rows)] ^ between[which[0]] ^ between[which[1]]
    return drawn


def leaks(name: str, train: Hashes, pdq: Hashes, variants: int, distance: int, sample: int) -> None:
    held_out, quality = held_out_of(pdq, variants), np.full(len(train), 100, np.int16)
    start = time.process_time()
    found: Leaks = find_leaks(train, quality, held_out, distance)
    each = (time.process_time() - start) / len(train) * 1e6
    head = f"leak search, {name}, {len(train):,} x {len(held_out):,} x {variants}, d <= {distance}"
    print(f"{head}: {each:.2f} us per training image, {len(found):,} leaks", flush=True)
    counts = np.bitwise_count(np.arange(256, dtype=np.uint8))
    rows = np.unique(np.concatenate([found.train[: sample // 2], np.arange(0, len(train), 2 * len(train) // sample)]))
    near = dict(zip(found.train.tolist(), found.distance.tolist(), strict=True))
    answers: dict[int, int] = {}

    def broadcast() -> None:
        # The toolbox's form: xor of bytes, bit counts from a table, summed over the hash.
        for row in rows.tolist():
            answers[row] = int(counts[pdq ^ train[row]].sum(axis=1).min())

    slow = seconds(broadcast) / len(rows) * 1e6
    equal = all((near.get(row, 256) if row in near else best > distance) == (best if row in near else True)
                for row, best in answers.items())  # fmt: skip
    print(f"  broadcast: {slow:,.0f} us per training image (from {len(rows)}), search is {slow / each:,.0f} x faster, "
          f"answers equal: {equal}", flush=True)  # fmt: skip
    if not equal:
        raise SystemExit(1)


def pair_leaks(options: argparse.Namespace) -> None:
    """The search by pHash and PDQ at once, against the broadcast of both."""
    random = np.random.default_rng(options.seed)

    def both(count: int) -> BothHashes:
        drawn = (random.integers(0, 256, (count, width), dtype=np.uint8) for width in (8, 32))
        return BothHashes(*drawn)

    train, held = both(options.rows), both(options.held_out * 8)
    train.phash[:1000], train.pdq[:1000] = planted(held.phash[:1000], random, 10), planted(held.pdq[:1000], random, 90)
    listed = held_out_of(held.pdq, 8)
    search = HeldOutPair(listed, held, listed.owner, listed.variant)
    before, start = peak_mb(), time.process_time()
    found = find_pair_leaks(train, search, 10, 90)
    took = time.process_time() - start
    each = took / len(train) * 1e6
    name = f"leak search by both hashes, {len(train):,} x {options.held_out:,} x 8, pHash <= 10 and PDQ <= 90"
    print(f"{name}: {took:.1f} CPU s, {each:.2f} us per training image, {len(found):,} leaks, ", end="")
    print(f"peak {peak_mb():.0f} MB ({before:.0f} before)", flush=True)
    counts = np.bitwise_count(np.arange(256, dtype=np.uint8))
    rows = np.unique(np.concatenate([np.arange(0, 1000, 2000 // options.sample),
                                     np.arange(0, len(train), 2 * len(train) // options.sample)]))  # fmt: skip
    answers: dict[int, bool] = {}

    def broadcast() -> None:
        for row in rows.tolist():
            one, two = (counts[theirs ^ ours[row]].sum(axis=1)
                        for theirs, ours in ((held.phash, train.phash), (held.pdq, train.pdq)))  # fmt: skip
            answers[row] = bool(((one <= 10) & (two <= 90)).any())

    slow = seconds(broadcast) / len(rows) * 1e6
    near = set(found.left.tolist())
    equal = all((row in near) == answer for row, answer in answers.items())
    print(f"  broadcast of both: {slow:,.0f} us per training image (from {len(rows)}), search is {slow / each:,.0f} x "
          f"faster, answers equal: {equal}", flush=True)  # fmt: skip
    if not equal:
        raise SystemExit(1)


def leak_searches(options: argparse.Namespace) -> None:
    random = np.random.default_rng(options.seed)
    held = random.integers(0, 256, (options.held_out, 32), dtype=np.uint8)
    train = random.integers(0, 256, (options.rows, 32), dtype=np.uint8)
    train[:1000] = planted(held[:1000], random, 10)
    leaks("random", train, held, 1, 10, options.sample)
    turned = random.integers(0, 256, (options.held_out * 8, 32), dtype=np.uint8)
    train[:1000] = planted(turned[:1000], random, 30)
    leaks("random", train, turned, 8, 30, options.sample)
    grown = real_dense(options.rows + options.held_out, random)
    if grown is None:
        print("leak search on real hashes: left out, no photographs at hand")
        return
    held, dense = grown[: options.held_out], grown[options.held_out :]
    train = np.where(np.arange(len(dense))[:, np.newaxis] % 10 == 0, dense, train)
    leaks("a tenth around real photographs", train, held, 1, 10, options.sample)
    leaks("all around real photographs", dense, held, 1, 10, options.sample)
    copies = real_copies(options.rows + options.held_out, random)
    if copies is not None:
        held, dense = copies[: options.held_out], copies[options.held_out :]
        leaks("all copies of real photographs", dense, held, 1, 10, options.sample)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000, help="hashes of a join, training hashes of a search")
    parser.add_argument("--large", type=int, default=5_000_000, help="hashes of the large join")
    parser.add_argument("--held-out", type=int, default=20_000, help="held-out images")
    parser.add_argument("--planted", type=int, default=5_000, help="near pairs put into a self join")
    parser.add_argument("--sample", type=int, default=60, help="rows that are compared by brute force")
    parser.add_argument("--faiss", metavar="PYTHON", help="an interpreter with faiss-cpu, to measure beside")
    parser.add_argument("--queries", type=int, default=500, help="hashes that faiss searches")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help=argparse.SUPPRESS)
    options = parser.parse_args()
    cases: dict[str, Callable[[], None]] = {
        "pdq-10": lambda: self_join(options.rows, 32, 10, options),
        "pdq-10-large": lambda: self_join(options.large, 32, 10, options),
        "phash-6": lambda: self_join(options.rows, 8, 6, options),
        "pdq-30": lambda: self_join(options.rows, 32, 30, options),
        "pieces": lambda: in_pieces(options.large, 10, 256 << 20, options),
        "leaks": lambda: leak_searches(options),
        "pair-leaks": lambda: pair_leaks(options),
    }
    if options.only:
        cases[options.only]()
        return
    for name in cases:
        subprocess.run([sys.executable, __file__, *sys.argv[1:], "--only", name], check=True)


if __name__ == "__main__":
    main()
