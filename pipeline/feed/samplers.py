"""Which sample stands at which position of the endless sequence that training reads.

    uniform   every sample once an epoch, in an order of the epoch's own
    cap       at most N samples of a taxon an epoch; the next epoch takes the next N, so that all have their turn
    sqrt      drawn with replacement, a taxon with probability ~ the square root of its samples
    balanced  drawn with replacement, every taxon alike

All four are functions of seed and position, so that they need no state and resume anywhere.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from pipeline.feed.choices import SAMPLERS
from pipeline.feed.permutation import Permutation, Rows, subkey, uniforms
from pipeline.model.errors import FeedError


class Sampler(Protocol):
    """A function from positions to rows of the manifest."""

    epoch_size: int
    """Positions of one epoch."""

    def rows(self, positions: Rows) -> Rows:
        """Return the row at each position of the endless sequence."""

    def members(self, epoch: int) -> Rows:
        """Return the rows of one epoch in ascending order, each once; for those who order them otherwise."""


def make_sampler(name: str, taxa: npt.NDArray[np.int32], seed: int, cap: int = 0) -> Sampler:
    """Return the named sampler over rows whose taxa are given as numbers from 0.

    Raises FeedError for an unknown name, no rows, or a cap below 1.

    >>> sampler = make_sampler("cap", np.array([0, 0, 0, 1], np.int32), seed=0, cap=1)
    >>> sampler.epoch_size, sampler.members(0).size
    (2, 2)
    """
    if name not in SAMPLERS:
        raise FeedError(f"no such sampler: {name!r}", expected=f"one of {', '.join(SAMPLERS)}")
    if not taxa.size:
        raise FeedError("there are no samples to draw from", remedy="choose another split or a wider `where`")
    if name == "uniform":
        return Uniform(taxa.size, seed)
    if name == "cap":
        return Capped(taxa, seed, cap)
    return Weighted(taxa, seed, power=0.5 if name == "sqrt" else 0.0)


class Uniform:
    """Every row once an epoch."""

    def __init__(self, size: int, seed: int) -> None:
        self.epoch_size, self._seed = size, seed

    def rows(self, positions: Rows) -> Rows:
        """Return the row at each position."""
        return _by_epoch(positions, self.epoch_size, self._seed)[1]

    def members(self, epoch: int) -> Rows:
        """Return all rows."""
        return np.arange(self.epoch_size)


class Capped:
    """At most `cap` rows of each taxon an epoch, taken in turn from a seeded order of the taxon's rows."""

    def __init__(self, taxa: npt.NDArray[np.int32], seed: int, cap: int) -> None:
        if cap < 1:
            raise FeedError(f"the cap is {cap}", expected="at least 1 sample per taxon", remedy="set `cap`")
        self._seed, self._cap = seed, cap
        shuffled = Permutation(taxa.size, subkey(seed, "within taxa"))(np.arange(taxa.size))
        self._order = shuffled[np.argsort(taxa[shuffled], kind="stable")]
        self._counts = np.bincount(taxa).astype(np.int64)
        self._counts = self._counts[self._counts > 0]
        self._starts = np.cumsum(self._counts) - self._counts
        self._ends = np.cumsum(np.minimum(self._counts, cap))
        self.epoch_size = int(self._ends[-1])

    def rows(self, positions: Rows) -> Rows:
        """Return the row at each position."""
        epochs, slots = _by_epoch(positions, self.epoch_size, self._seed)
        return self._slot_rows(epochs, slots)

    def members(self, epoch: int) -> Rows:
        """Return the epoch's rows in ascending order."""
        slots = np.arange(self.epoch_size)
        return np.sort(self._slot_rows(np.full(self.epoch_size, epoch), slots))

    def _slot_rows(self, epochs: Rows, slots: Rows) -> Rows:
        taxon = np.searchsorted(self._ends, slots, side="right")
        counts = self._counts[taxon]
        taken = np.minimum(counts, self._cap)
        place = slots - (self._ends[taxon] - taken)
        found: Rows = self._order[self._starts[taxon] + (epochs * taken + place) % counts]
        return found


class Weighted:
    """Taxa drawn by the `power` of their counts, then one of the taxon's rows, both with replacement."""

    def __init__(self, taxa: npt.NDArray[np.int32], seed: int, power: float) -> None:
        self.epoch_size, self._key = int(taxa.size), subkey(seed, "weighted")
        self._order = np.argsort(taxa, kind="stable")
        counts = np.bincount(taxa).astype(np.int64)
        self._counts = counts[counts > 0]
        self._starts = np.cumsum(self._counts) - self._counts
        self._upto = np.cumsum(self._counts.astype(np.float64) ** power)

    def rows(self, positions: Rows) -> Rows:
        """Return the row at each position."""
        drawn = uniforms(self._key, positions, 2)
        taxon = np.searchsorted(self._upto, drawn[:, 0] * self._upto[-1], side="right")
        taxon = np.minimum(taxon, self._counts.size - 1)  # the product may round up to the sum itself
        counts = self._counts[taxon]
        place = np.minimum((drawn[:, 1] * counts).astype(np.int64), counts - 1)
        found: Rows = self._order[self._starts[taxon] + place]
        return found

    def members(self, epoch: int) -> Rows:
        """Raise FeedError: what is drawn with replacement has no epochs."""
        raise FeedError(
            "samplers 'sqrt' and 'balanced' jump between shards, which mode 'stream' must not",
            expected="mode 'index', or sampler 'uniform' or 'cap'",
            remedy="copy the shards to a local disk and read them in mode 'index', or take sampler 'cap'",
        )


def _by_epoch(positions: Rows, size: int, seed: int) -> tuple[Rows, Rows]:
    """Return each position's epoch, and its place in the epoch's own permutation."""
    epochs, offsets = np.divmod(positions, size)
    places = np.empty_like(offsets)
    for epoch in np.unique(epochs).tolist():
        here = epochs == epoch
        places[here] = Permutation(size, subkey(seed, "epoch", epoch))(offsets[here])
    return epochs, places
