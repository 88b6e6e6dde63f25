"""The records of each node, and the distinct labels among them, without a list for each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.likeness.records.candidates import Rows, row_type

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Members:
    """The open records of every node, ascending. Most nodes have one, which `first` holds; the others are listed.

    `first`: m nodes, the first open record of each, n where there is none. `several`: the nodes with more, ascending,
    whose records stand in `records` from `starts[i]` to `starts[i + 1]`.
    """

    first: Rows
    count: int
    several: Rows
    starts: npt.NDArray[np.int64]
    records: Rows

    @staticmethod
    def of(node: Rows, is_open: npt.NDArray[np.bool_]) -> Members:
        """Gather the open records by node.

        >>> members = Members.of(np.array([0, 1, 0, 2]), np.array([True, True, True, False]))
        >>> members.first.tolist(), members.several.tolist(), members.records.tolist()
        ([0, 1, 4], [0], [0, 2])
        """
        kind, nodes = row_type(len(node)), int(node.max()) + 1 if len(node) else 0
        rows = np.flatnonzero(is_open).astype(kind)
        first = np.full(nodes, len(node), kind)
        first[node[rows][::-1]] = rows[::-1]
        later = rows[first[node[rows]] != rows]
        several = np.unique(node[later])
        listed = np.concatenate([first[several], later])
        listed = listed[np.lexsort((listed, node[listed]))]
        starts = np.searchsorted(node[listed], np.append(several, nodes)).astype(np.int64)
        return Members(first, len(node), several, starts, listed)

    @property
    def alive(self) -> npt.NDArray[np.bool_]:
        """Which nodes have an open record: bool[m]."""
        answer: npt.NDArray[np.bool_] = self.first < self.count
        return answer

    def expand(self, nodes: Rows) -> tuple[npt.NDArray[np.int64], Rows]:
        """Return the records of some nodes, one node after the other: (place in `nodes`, record) each.

        >>> members = Members.of(np.array([0, 1, 0]), np.array([True, True, True]))
        >>> [part.tolist() for part in members.expand(np.array([1, 0]))]
        [[0, 1, 1], [1, 0, 2]]
        """
        place = np.searchsorted(self.several, nodes)
        listed = np.zeros(len(nodes), np.bool_)
        inside = np.flatnonzero(place < len(self.several))
        listed[inside] = self.several[place[inside]] == nodes[inside]
        number = (self.first[nodes] < self.count).astype(np.int64)
        number[listed] = self.starts[place[listed] + 1] - self.starts[place[listed]]
        owner = np.repeat(np.arange(len(nodes)), number)
        records = self.first[nodes][owner]
        at = np.flatnonzero(listed[owner])
        within = (np.arange(len(owner)) - np.repeat(np.cumsum(number) - number, number))[at]
        records[at] = self.records[self.starts[place[owner[at]]] + within]
        return owner, records


@dataclass(frozen=True, slots=True)
class Kinds:
    """The distinct labels of some nodes: those of `nodes[i]` stand from `starts[i]` to `starts[i + 1]`.

    `nodes`: ascending. `label`, `first`: each distinct label, and the first record of the node that bears it.
    `records`, `kind`: every record of the nodes, and the place of its own label among these.
    """

    nodes: Rows
    starts: npt.NDArray[np.int64]
    label: Rows
    first: Rows
    records: Rows
    kind: npt.NDArray[np.int64]

    @staticmethod
    def of(members: Members, nodes: Rows, label: Rows) -> Kinds:
        """Return the labels of some nodes (ascending); `label`: those of all records."""
        owner, records = members.expand(nodes)
        said = label[records]
        order = np.lexsort((records, said, owner))
        owner, records, said = owner[order], records[order], said[order]
        new = np.ones(len(owner), np.bool_)
        new[1:] = (owner[1:] != owner[:-1]) | (said[1:] != said[:-1])
        starts = np.searchsorted(owner[new], np.arange(len(nodes) + 1))
        return Kinds(nodes, starts.astype(np.int64), said[new], records[new], records, np.cumsum(new) - 1)

    def products(self, one: Rows, other: Rows) -> Iterator[tuple[Rows, Rows, Rows]]:
        """Yield every pair of a label of `one[k]` and a label of `other[k]` as (k, kind, kind), some at a time.

        `one`, `other`: nodes that are among `nodes`.
        """
        a, b = np.searchsorted(self.nodes, one), np.searchsorted(self.nodes, other)
        wide = self.starts[b + 1] - self.starts[b]
        ends = np.cumsum((self.starts[a + 1] - self.starts[a]) * wide)
        for start in range(0, int(ends[-1]) if len(ends) else 0, _BLOCK):
            at = np.arange(start, min(start + _BLOCK, int(ends[-1])))
            k = np.searchsorted(ends, at, "right")
            within = at - np.where(k > 0, ends[k - 1], 0)
            yield k, self.starts[a[k]] + within // wide[k], self.starts[b[k]] + within % wide[k]
