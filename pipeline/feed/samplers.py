"""Which sample stands at which position of the endless sequence that training reads.

    uniform   every sample once an epoch, in an order of the epoch's own
    cap       at most N samples of a taxon an epoch; the next epoch takes the next N, so that all have their turn
    sqrt      drawn with replacement, a taxon with probability ~ the square root of its samples
    balanced  drawn with replacement, every taxon alike

All four are functions of seed and position, so that they need no state and resume anywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from pipeline.feed.by_taxon import ByTaxon
from pipeline.feed.choices import SAMPLERS
from pipeline.feed.members import AllRows, Members, RowSet
from pipeline.feed.permutation import Permutation, Rows, subkey, uniforms
from pipeline.model.errors import FeedError

_PART = 1 << 18


class Sampler(Protocol):
    """A function from positions to rows of the manifest."""

    epoch_size: int
    """Positions of one epoch."""
    has_epochs: bool
    """Whether an epoch has rows of its own, each once."""

    def rows(self, positions: Rows) -> Rows:
        """Return the row at each position of the endless sequence."""

    def members(self, epoch: int) -> Members:
        """Return the rows of one epoch in ascending order, each once; for those who order them otherwise."""


def make_sampler(name: str, size: int, ordered: Callable[[int | None], ByTaxon], seed: int, cap: int = 0) -> Sampler:
    """Return the named sampler over so many rows; `ordered` gives them by taxon, those of a taxon permuted by a key.

    Raises FeedError for an unknown name, no rows, or a cap below 1.

    >>> from functools import partial
    >>> from pipeline.feed.by_taxon import by_taxon
    >>> sampler = make_sampler("cap", 4, partial(by_taxon, np.array([0, 0, 0, 1])), seed=0, cap=1)
    >>> sampler.epoch_size, sampler.members(0).size
    (2, 2)
    """
    if name not in SAMPLERS:
        raise FeedError(f"no such sampler: {name!r}", expected=f"one of {', '.join(SAMPLERS)}")
    if not size:
        raise FeedError("there are no samples to draw from", remedy="choose another split or a wider `where`")
    if name == "uniform":
        return Uniform(size, seed)
    if name == "cap":
        if cap < 1:
            raise FeedError(f"the cap is {cap}", expected="at least 1 sample per taxon", remedy="set `cap`")
        return Capped(ordered(subkey(seed, "within taxa")), seed, cap)
    return Weighted(ordered(None), seed, power=0.5 if name == "sqrt" else 0.0)


class Uniform:
    """Every row once an epoch."""

    has_epochs = True

    def __init__(self, size: int, seed: int) -> None:
        self.epoch_size, self._seed = size, seed

    def rows(self, positions: Rows) -> Rows:
        """Return the row at each position."""
        return _by_epoch(positions, self.epoch_size, self._seed)[1]

    def members(self, epoch: int) -> Members:
        """Return all rows."""
        return AllRows(self.epoch_size)


class Capped:
    """At most `cap` rows of each taxon an epoch, taken in turn from a seeded order of the taxon's rows."""

    has_epochs = True

    def __init__(self, rows: ByTaxon, seed: int, cap: int) -> None:
        self._rows, self._seed, self._cap = rows, seed, cap
        self._ends = np.cumsum(np.minimum(rows.counts, cap))
        self.epoch_size = int(self._ends[-1])

    def rows(self, positions: Rows) -> Rows:
        """Return the row at each position."""
        epochs, slots = _by_epoch(positions, self.epoch_size, self._seed)
        return self._slot_rows(epochs, slots)

    def members(self, epoch: int) -> Members:
        """Return the epoch's rows in ascending order."""
        parts = (np.arange(start, min(self.epoch_size, start + _PART)) for start in range(0, self.epoch_size, _PART))
        return RowSet(self._rows.rows.size, (self._slot_rows(np.full(slots.size, epoch), slots) for slots in parts))

    def _slot_rows(self, epochs: Rows, slots: Rows) -> Rows:
        taxon = np.searchsorted(self._ends, slots, side="right")
        counts = self._rows.counts[taxon]
        taken = np.minimum(counts, self._cap)
        place = slots - (self._ends[taxon] - taken)
        return self._rows.at(self._rows.starts[taxon] + (epochs * taken + place) % counts)


class Weighted:
    """Taxa drawn by the `power` of their counts, then one of the taxon's rows, both with replacement."""

    has_epochs = False

    def __init__(self, rows: ByTaxon, seed: int, power: float) -> None:
        self.epoch_size, self._key, self._rows = int(rows.rows.size), subkey(seed, "weighted"), rows
        self._upto = np.cumsum(rows.counts.astype(np.float64) ** power)

    def rows(self, positions: Rows) -> Rows:
        """Return the row at each position."""
        drawn = uniforms(self._key, positions, 2)
        taxon = np.searchsorted(self._upto, drawn[:, 0] * self._upto[-1], side="right")
        taxon = np.minimum(taxon, self._upto.size - 1)  # the product may round up to the sum itself
        counts = self._rows.counts[taxon]
        place = np.minimum((drawn[:, 1] * counts).astype(np.int64), counts - 1)
        return self._rows.at(self._rows.starts[taxon] + place)

    def members(self, epoch: int) -> Members:
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
