"""Measure the dominating set and the components over many edges: `python tests/performance/bench_dominating.py --help`.

Random edges between twice as many items, as near pairs of a large release are: few per item. The answer is asked for
twice, the second time with edges and ends shuffled, and has to be the same. The dense group is what no list could hold.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from dedup import components, dominating_set, thin

T = TypeVar("T")


def measured(name: str, work: Callable[[], T]) -> T:
    start = time.process_time()
    result = work()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{name}: {time.process_time() - start:.2f} CPU s, peak of the process {peak:.0f} MB", flush=True)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--edges", type=int, default=10_000_000)
    parser.add_argument("--dense", type=int, default=100_000, help="near-identical hashes, all different")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    random = np.random.default_rng(options.seed)
    k, n = options.edges, 2 * options.edges
    left, right, order = random.integers(0, n, k), random.integers(0, n, k), random.permutation(n)
    distance = (2 * (random.integers(0, 6, k))).astype(np.int16)
    held = sum(array.nbytes for array in (left, right, order, distance)) / 2**20
    print(f"{k:,} edges between {n:,} items, {held:.0f} MB of input")
    label = measured("components", lambda: components(n, left, right))
    one = measured("dominating set", lambda: dominating_set(n, left, right, order, distance))
    print(f"  {len(np.unique(label)):,} components, {int(one.kept.sum()):,} items kept")
    shuffle, swap = random.permutation(k), random.random(k) < 0.5
    left, right = np.where(swap, right, left)[shuffle], np.where(swap, left, right)[shuffle]
    two = dominating_set(n, left, right, order, distance[shuffle])
    same = all(
        np.array_equal(getattr(one, name), getattr(two, name)) for name in ("kept", "representative", "distance")
    )
    print(f"  the same answer with edges and their ends shuffled: {same}")
    if not same:
        raise SystemExit(1)

    dense = np.tile(random.integers(0, 256, 32, dtype=np.uint8), (options.dense, 1))
    for place in (3, 7, 11, 20, 29):
        dense[:, place] ^= np.uint8(1) << random.integers(0, 8, options.dense).astype(np.uint8)
        dense[:, place - 1] ^= random.integers(0, 2, options.dense).astype(np.uint8)
    pairs = options.dense * (options.dense - 1) // 2
    thinned = measured(
        f"thinning {options.dense:,} hashes within 20 bits of each other ({pairs:.1e} pairs to compare), d <= 10",
        lambda: thin(dense, 10, random.permutation(options.dense)),
    )
    print(f"  {int(thinned.kept.sum()):,} kept")


if __name__ == "__main__":
    main()
