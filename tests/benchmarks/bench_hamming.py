"""Measure the exact Hamming join and the leak search: `python tests/benchmarks/bench_hamming.py --help`.

Prints CPU seconds of this process and its peak memory. The broadcast is measured on a sample of the training rows and
extrapolated to all of them; it comes in two forms, bytes through a table of bit counts and words through NumPy's own
bit count. Ratios are of one run; absolute times are the machine's.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).parents[2]))

from dedup import HeldOut, Pairs, find_leaks, pairs_within

Hashes = npt.NDArray[np.uint8]


def planted(hashes: Hashes, random: np.random.Generator, most: int) -> Hashes:
    """Copies with 0 to `most` bits turned over."""
    copies = hashes.copy()
    for row, count in zip(copies, random.integers(0, most + 1, len(copies)), strict=True):
        for bit in random.choice(256, count, replace=False):
            row[bit >> 3] ^= 1 << (bit & 7)
    return copies


def seconds(work: Callable[[], object]) -> tuple[float, object]:
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def self_join(rows: int, distance: int, plants: int, random: np.random.Generator) -> None:
    hashes = random.integers(0, 256, (rows, 32), dtype=np.uint8)
    target = random.choice(rows, 2 * plants, replace=False)
    hashes[target[:plants]] = planted(hashes[target[plants:]], random, distance)
    took, pairs = seconds(lambda: pairs_within(hashes, distance))
    assert isinstance(pairs, Pairs)
    found = set(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True))
    wanted = {(min(a, b), max(a, b)) for a, b in zip(target[:plants].tolist(), target[plants:].tolist(), strict=True)}
    print(f"self join, {rows:,} PDQ, d <= {distance}: {took:.2f} CPU s, peak {peak_mb():.0f} MB", end=", ")
    print(f"{len(wanted & found)}/{plants} planted pairs, {len(pairs)} pairs in all")


def leaks(rows: int, items: int, variants: int, distance: int, sample: int, random: np.random.Generator) -> None:
    pdq = random.integers(0, 256, (items * variants, 32), dtype=np.uint8)
    names = tuple(str(item) for item in range(items))
    held_out = HeldOut(
        benchmark=("bench",) * items,
        item=names,
        sha256=(None,) * items,
        pixel_sha256=(None,) * items,
        outcome=(None,) * items,
        quality=np.full(items, 100, np.int16),
        pdq=pdq,
        owner=np.repeat(np.arange(items), variants),
        variant=np.tile(np.arange(variants, dtype=np.int8), items),
    )
    train = random.integers(0, 256, (rows, 32), dtype=np.uint8)
    plants = min(1000, rows, len(pdq))
    where = random.choice(rows, plants, replace=False)
    train[where] = planted(pdq[random.choice(len(pdq), plants, replace=False)], random, distance)
    quality = np.full(rows, 100, np.int16)
    took, found = seconds(lambda: find_leaks(train, quality, held_out, distance))
    missed = len(np.setdiff1d(where, found.train))  # type: ignore[attr-defined]
    each = took / rows * 1e6
    print(f"leak search, {rows:,} x {items:,} x {variants} variants, d <= {distance}: {took:.2f} CPU s", end=", ")
    print(f"{each:.2f} us per training image, {plants - missed}/{plants} planted leaks")

    counts = np.bitwise_count(np.arange(256, dtype=np.uint8))
    words = pdq.view(np.uint64)

    def by_table() -> None:
        for row in train[:sample]:
            np.flatnonzero(counts[pdq ^ row].sum(axis=1) <= distance)

    def by_words() -> None:
        for row in train[:sample].view(np.uint64):
            np.flatnonzero(np.bitwise_count(words ^ row).sum(axis=1) <= distance)

    for name, work in (("table of bit counts", by_table), ("word bit count", by_words)):
        slow = seconds(work)[0] / sample * 1e6
        print(f"  broadcast, {name}: {slow:,.0f} us per training image", end=", ")
        print(f"{slow * rows / 1e6:,.0f} CPU s for all (from {sample}); search is {slow / each:,.0f} x faster")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000, help="training hashes")
    parser.add_argument("--held-out", type=int, default=20_000, help="held-out images")
    parser.add_argument("--planted", type=int, default=5_000, help="near pairs put into the self join")
    parser.add_argument("--sample", type=int, default=30, help="training hashes that the broadcast compares")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    random = np.random.default_rng(options.seed)
    self_join(options.rows, 10, options.planted, random)
    leaks(options.rows, options.held_out, 1, 10, options.sample, random)
    leaks(options.rows, options.held_out, 8, 30, options.sample, random)
    print(f"peak memory {peak_mb():.0f} MB")


if __name__ == "__main__":
    main()
