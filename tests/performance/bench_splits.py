"""How near splits come to the shares of every label: ours beside one random draw and the best of 10,000.

    python -m tests.performance.bench_splits [SEEDS]

Recordings of several species in sessions are drawn (`tests.pipeline.splits.recordings`); sessions are dealt to two
splits, 80 and 20 %. The peer draws sessions at random and keeps the draw with the smallest mean error over labels, as
the splitter by location of a well-known camera trap toolbox does. The error is the mean deviation of labels' shares.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import numpy.typing as npt

from pipeline.splits.refinement import error_of
from pipeline.splits.stratified import Dealer, Entries
from tests.pipeline.splits.recordings import draw, entries_of

SHARES = np.array([0.8, 0.2])
DRAWS = 10_000


def one_sided(held: npt.NDArray[np.int64], entries: Entries) -> int:
    """Return how many labels of two groups or more one of the splits lacks."""
    often = np.bincount(entries.label, minlength=entries.labels) >= 2
    return int((held[often] == 0).any(axis=1).sum())


def best_of(entries: Entries, draws: int, seed: int) -> tuple[float, npt.NDArray[np.int64]]:
    """Return the smallest error of some random draws, and the rows of each label in each split."""
    chance = np.random.default_rng(seed)
    totals = np.bincount(entries.label, entries.rows, entries.labels)
    present = totals > 0
    best, held = np.inf, np.zeros((entries.labels, 2), np.int64)
    for _ in range(draws):
        other = chance.permutation(entries.groups)[: round(SHARES[1] * entries.groups)]
        inside = np.zeros(entries.groups, np.bool_)
        inside[other] = True
        found = np.bincount(entries.label, entries.rows * inside[entries.group], entries.labels)
        error = float(np.abs(found[present] / totals[present] - SHARES[1]).mean())
        if error < best:
            best, held = error, np.stack([totals - found, found], axis=1).astype(np.int64)
    return best, held


def main() -> None:
    """Print error, one-sided labels and CPU of each way, by seed."""
    for seed in range(int(sys.argv[1]) if len(sys.argv) > 1 else 3):
        session, _, species = draw(seed)
        entries = entries_of(session, species, seed)
        begun = time.process_time()
        dealer = Dealer(entries, SHARES)
        dealer.deal()
        print(
            f"seed {seed}: ours        error {error_of(dealer):.4f}  one-sided {one_sided(dealer.held, entries):3}"
            f"  {time.process_time() - begun:.2f} CPU s"
        )
        for name, draws in (("random", 1), ("10,000 draws", DRAWS)):
            begun = time.process_time()
            error, held = best_of(entries, draws, seed)
            print(
                f"seed {seed}: {name:12}error {error:.4f}  one-sided {one_sided(held, entries):3}"
                f"  {time.process_time() - begun:.2f} CPU s"
            )


if __name__ == "__main__":
    main()
