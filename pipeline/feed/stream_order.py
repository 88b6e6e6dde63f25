"""The order of mode 'stream': sequential within shards, few shards open, and still a function of the position alone.

The rows of an epoch are cut into chunks of consecutive samples of one shard. Shards are permuted and taken in groups of
`open_shards`; the chunks of a group take turns; `open_shards` chunks that follow each other are a block, in which the
samples are permuted. A reader that goes forward therefore reads `open_shards` shards from front to back at a time, and
holds one block; a reader that starts anywhere finds its block by bisection.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.feed.members import Members
from pipeline.feed.permutation import Permutation, Rows, subkey


@dataclass(frozen=True, slots=True)
class Block:
    """Samples that are read together: `rows` in ascending order, thus in runs of consecutive samples of a shard."""

    epoch: int
    number: int
    rows: Rows


class StreamOrder:
    """One epoch, laid out.

    `edges`: where the rows of each shard begin, and the number of all. What is held is a few numbers for each chunk.

    >>> from pipeline.feed.members import AllRows
    >>> o = StreamOrder(AllRows(6), edges=np.array([0, 3, 6]), seed=0, epoch=0, open_shards=2, chunk=2)
    >>> sorted(o.rows(np.arange(6)).tolist()), o.blocks
    ([0, 1, 2, 3, 4, 5], 2)
    """

    def __init__(
        self, members: Members, edges: npt.NDArray[np.int64], seed: int, epoch: int, open_shards: int, chunk: int
    ) -> None:
        self.epoch, self._members, self._seed = epoch, members, seed
        begins = members.before(edges)  # where each shard's members begin
        chunks = -(-np.diff(begins) // chunk)
        shard = np.repeat(np.arange(chunks.size), chunks)
        number = np.arange(shard.size) - np.repeat(np.cumsum(chunks) - chunks, chunks)  # of the chunk in its shard
        starts = begins[shard] + number * chunk
        lengths = np.minimum(begins[shard + 1] - starts, chunk)
        order = Permutation(chunks.size, subkey(seed, "shards", epoch))(np.arange(chunks.size))
        place = np.argsort(order)[shard]
        turn = np.lexsort((place % open_shards, number, place // open_shards))
        self._starts, self._lengths = starts[turn], lengths[turn]
        self._chunks = open_shards
        edges = np.concatenate([[0], np.cumsum(self._lengths)])
        self._edges = edges[np.unique(np.append(np.arange(0, turn.size, open_shards), turn.size))]

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return int(self._edges.size) - 1

    def block(self, number: int) -> Block:
        """Return a block's rows."""
        part = slice(number * self._chunks, (number + 1) * self._chunks)
        pieces = [
            self._members.slice(start, start + length)
            for start, length in zip(self._starts[part].tolist(), self._lengths[part].tolist(), strict=True)
        ]
        return Block(self.epoch, number, np.sort(np.concatenate(pieces)))

    def placed(self, positions: Rows) -> Iterator[tuple[npt.NDArray[np.int64], Block, Rows]]:
        """Yield, block by block, where its samples stand in `positions`, the block, and the rows that stand there."""
        numbers = np.searchsorted(self._edges, positions, side="right") - 1
        for number in np.unique(numbers).tolist():
            where = np.flatnonzero(numbers == number)
            block = self.block(number)
            order = Permutation(block.rows.size, subkey(self._seed, "block", self.epoch, number))
            yield where, block, block.rows[order(positions[where] - self._edges[number])]

    def rows(self, positions: Rows) -> Rows:
        """Return the row at each position of the epoch."""
        found = np.empty(positions.size, np.int64)
        for where, _, rows in self.placed(positions):
            found[where] = rows
        return found
