"""From a step to rows of the manifest: the order that both modes agree to, for all ranks alike."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.feed.manifest import Manifest
from pipeline.feed.permutation import Rows, subkey
from pipeline.feed.rules import Rules
from pipeline.feed.samplers import make_sampler
from pipeline.feed.stream_order import Block, StreamOrder
from pipeline.model.errors import FeedError

_ORDERS = 2  # one epoch's and the next one's


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of a batch that are read together: `rows[i]` stands at `where[i]` of the rank's part of the batch."""

    where: npt.NDArray[np.int64]
    rows: Rows
    block: Block | None
    """The block they lie in; None in mode 'index'."""


class Sequence:
    """The endless sequence of samples under given rules."""

    def __init__(self, manifest: Manifest, rules: Rules) -> None:
        self._manifest, self._rules = manifest, rules
        self._key = subkey(rules.seed, "sequence")
        self._sampler = make_sampler(rules.sampler, len(manifest), manifest.by_taxon, self._key, rules.cap)
        self._orders: OrderedDict[int, StreamOrder] = OrderedDict()
        if rules.mode == "stream":
            if not self._sampler.has_epochs:
                self._sampler.members(0)  # says why not
            if self._sampler.epoch_size < rules.batch:
                raise FeedError(
                    f"an epoch has {self._sampler.epoch_size:,} samples, a batch {rules.batch:,}",
                    expected="in mode 'stream' at least one batch in an epoch",
                    remedy="lower the batch, or use mode 'index'",
                )

    @property
    def epoch_size(self) -> int:
        """Samples of an epoch."""
        return self._sampler.epoch_size

    @property
    def epoch_steps(self) -> int:
        """Whole batches in an epoch; in mode 'index' the next epoch begins inside a batch. Once: all of them."""
        if self._rules.once:
            return -(-self._sampler.epoch_size // self._rules.batch)
        return self._sampler.epoch_size // self._rules.batch

    def epoch(self, number: int) -> range:
        """Return the steps of an epoch: those whose first sample is of it, so that epochs share no step and leave none.

        In mode 'index' a step may end in the next epoch, and epochs differ in length by one step at most. Once: every
        epoch is the same, all steps. Raises FeedError for a number below 0.
        """
        if not isinstance(number, int) or number < 0:
            raise FeedError(f"there is no epoch {number!r}", expected="a whole number from 0")
        if self._rules.once:
            return range(self.epoch_steps)
        if self._rules.mode == "stream":
            return range(number * self.epoch_steps, (number + 1) * self.epoch_steps)
        size, batch = self._sampler.epoch_size, self._rules.batch
        return range(-(-number * size // batch), -(-(number + 1) * size // batch))

    def epoch_of(self, step: int) -> int:
        """Return the epoch that a step is one of. Once: 0, as epochs are alike."""
        if self._rules.once:
            return 0
        if self._rules.mode == "stream":
            return step // self.epoch_steps
        return step * self._rules.batch // self._sampler.epoch_size

    def places(self, step: int, rank: int, world: int) -> Rows:
        """Return the places in the batch, 0 to batch - 1, that a rank reads: one slice of equal length each.

        Once: slices that differ by one sample at most, of what the batch has. Raises FeedError for a step that is not
        there, and for ranks that the batch cannot be cut for.
        """
        if step < 0 or not 0 <= rank < world:
            raise FeedError(f"there is no step {step} of rank {rank} of {world}", expected="step >= 0, rank < world")
        if self._rules.once:
            size = min(self._rules.batch, self._sampler.epoch_size - step * self._rules.batch)
            if size <= 0:
                raise FeedError(
                    f"there is no step {step}", expected=f"one of {self.epoch_steps}, as every sample is read once"
                )
            return np.arange(size * rank // world, size * (rank + 1) // world)
        if self._rules.batch % world:
            raise FeedError(
                f"a batch of {self._rules.batch} cannot be cut for {world} ranks",
                expected="a global batch that is a multiple of the ranks",
            )
        each = self._rules.batch // world
        return np.arange(rank * each, (rank + 1) * each)

    def positions(self, step: int, places: Rows) -> Rows:
        """Return the positions of the places in the endless count of samples; random crops are drawn by them."""
        return step * self._rules.batch + places

    def parts(self, step: int, places: Rows) -> Iterator[Part]:
        """Yield the rows at the places of a step's batch, in parts that are read together."""
        if self._rules.once:
            yield Part(np.arange(places.size), self.positions(step, places), None)
            return
        if self._rules.mode == "index":
            yield Part(np.arange(places.size), self._sampler.rows(self.positions(step, places)), None)
            return
        # Every lane is an equal stretch of the epoch's order; a batch takes the next few samples of each lane.
        epoch, turn = divmod(step, self.epoch_steps)
        each = self._rules.batch // self._rules.lanes
        lane, place = np.divmod(places, each)
        onto = lane * (self.epoch_size // self._rules.lanes) + turn * each + place
        for where, block, rows in self._order(epoch).placed(onto):
            yield Part(where, rows, block)

    def rows(self, step: int, rank: int = 0, world: int = 1) -> Rows:
        """Return the rows of a rank's part of a batch, in order."""
        places = self.places(step, rank, world)
        found = np.empty(places.size, np.int64)
        for part in self.parts(step, places):
            found[part.where] = part.rows
        return found

    def _order(self, epoch: int) -> StreamOrder:
        order = self._orders.pop(epoch, None)
        if order is None:
            rules = self._rules
            order = StreamOrder(
                self._sampler.members(epoch),
                self._manifest.edges,
                self._key,
                epoch,
                rules.open_shards,
                rules.chunk,
            )
        self._orders[epoch] = order
        if len(self._orders) > _ORDERS:
            self._orders.popitem(last=False)
        return order
