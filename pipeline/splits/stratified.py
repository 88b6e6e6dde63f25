"""Deal groups to splits so that every label has its share in each: the rarest label first, then single moves.

The order is that of iterative stratification (Sechidis et al., 2011, "On the stratification of multi-label data"), over
groups that may hold several labels and any number of rows. A label of as many groups as there are splits is in each of
them; one of fewer groups is in the first split, and in others where that brings shares nearer. What rare labels take
from a split beyond its share, the later, common ones give back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]
Shares = npt.NDArray[np.float64]
FREE = -1
_GREEDY = 64
"""Groups of one label that are dealt one by one, the largest first; smaller ones are dealt along their order."""
_LEAST, _MOST = 0.5, 1.5
"""Bounds of the share that a label may be given of a split, as parts of the split's own share."""


@dataclass(frozen=True, slots=True)
class Entries:
    """How many rows of which label each group has: one entry a group and label, sorted by group.

    `group`, `label`, `rows`: int64[k]. `groups`, `labels`: how many there are. `order`: uint64[groups], a seeded hash
    of each group, which decides among equals.
    """

    group: Numbers
    label: Numbers
    rows: Numbers
    groups: int
    labels: int
    order: npt.NDArray[np.uint64]

    def sizes(self) -> Numbers:
        """Return the rows of each group."""
        return np.bincount(self.group, self.rows, self.groups).astype(np.int64)


def stratified(
    entries: Entries, shares: Shares, fixed: npt.NDArray[np.int8] | None = None, floors: Numbers | None = None
) -> npt.NDArray[np.int8]:
    """Return the split of every group: int8[groups], a number of `shares`.

    `shares`: float64[s], above 0, their sum 1; the first is the split to train on. `fixed`: the split of groups that
    have one already, FREE of others. `floors`: int64[s], the fewest rows that a label which can has in a split.

    >>> four = np.arange(4)
    >>> entries = Entries(four, np.array([0, 0, 0, 1]), np.ones(4, np.int64), 4, 2, four.astype(np.uint64))
    >>> stratified(entries, np.array([0.8, 0.1, 0.1])).tolist()
    [0, 1, 2, 0]
    """
    return Dealer(entries, shares, fixed, floors).deal()


class Dealer:
    """The state of a deal: what each label and each split still needs."""

    def __init__(
        self,
        entries: Entries,
        shares: Shares,
        fixed: npt.NDArray[np.int8] | None = None,
        floors: Numbers | None = None,
    ) -> None:
        """Begin with what is fixed."""
        self.entries, self.shares, self.splits = entries, shares, len(shares)
        held = np.bincount(entries.group, minlength=entries.groups)
        self.start = np.concatenate([[0], np.cumsum(held)])
        self.sizes = entries.sizes()
        self.all_rows = int(self.sizes.sum())
        self.totals = np.bincount(entries.label, entries.rows, entries.labels).astype(np.int64)
        self.present = int((self.totals > 0).sum())
        self.label_groups = np.bincount(entries.label, minlength=entries.labels)
        self.fixed = np.full(entries.groups, FREE, np.int8) if fixed is None else fixed.astype(np.int8)
        self.split = self.fixed.copy()
        self.floors = np.ones(self.splits, np.int64) if floors is None else np.maximum(floors, 1)
        self.held = np.zeros((entries.labels, self.splits), np.int64)
        """Rows of each label in each split."""
        self.overall = np.zeros(self.splits, np.int64)
        self._take(np.flatnonzero(self.split != FREE))
        self.coverable = (self.label_groups >= self.splits) & (self.totals >= self.floors.sum())
        """Labels that can be in every split, with the fewest rows that a split asks for."""

    def deal(self) -> npt.NDArray[np.int8]:
        """Deal what is free, and return the split of every group."""
        from pipeline.splits.refinement import refine

        by_label = np.argsort(self.entries.label, kind="stable")
        starts = np.searchsorted(self.entries.label[by_label], np.arange(self.entries.labels + 1))
        present = np.flatnonzero(self.totals)
        for label in present[np.lexsort((present, self.totals[present], self.label_groups[present]))].tolist():
            self._deal_label(label, by_label[starts[label] : starts[label + 1]])
        refine(self)
        return self.split

    def entries_of(self, group: int) -> tuple[Numbers, Numbers]:
        """Return the labels of a group, and its rows of each."""
        here = slice(self.start[group], self.start[group + 1])
        return self.entries.label[here], self.entries.rows[here]

    def put(self, group: int, to: int) -> None:
        """Put a group into a split, out of the one that it is in."""
        labels, rows = self.entries_of(group)
        before = int(self.split[group])
        if before != FREE:
            self.held[labels, before] -= rows
            self.overall[before] -= self.sizes[group]
        self.held[labels, to] += rows
        self.overall[to] += self.sizes[group]
        self.split[group] = to

    def _take(self, groups: Numbers) -> None:
        """Count groups whose split was just decided."""
        lengths = self.start[groups + 1] - self.start[groups]
        steps = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        here = np.repeat(self.start[groups], lengths) + steps
        labels, rows = self.entries.label[here], self.entries.rows[here]
        np.add.at(self.held, (labels, self.split[self.entries.group[here]]), rows)
        self.overall += np.bincount(self.split[groups], self.sizes[groups], self.splits).astype(np.int64)

    def wanted(self, label: int) -> Shares:
        """Return the rows that a label should have in each split, given what the splits need as a whole."""
        total = int(self.totals[label])
        if not self.coverable[label]:
            first = np.zeros(self.splits)
            first[0] = total
            return first
        left = max(self.all_rows - int(self.overall.sum()), 1)
        needed = (self.shares * self.all_rows - self.overall) / left
        bounded = np.clip(needed, self.shares * _LEAST, self.shares * _MOST)
        bounded /= bounded.sum()
        wanted = np.maximum(bounded * total, self.floors)
        spare = wanted - self.floors
        return np.asarray(wanted - spare * ((wanted.sum() - total) / max(spare.sum(), 1e-9)))

    def _deal_label(self, label: int, places: Numbers) -> None:
        groups = self.entries.group[places]
        free = self.split[groups] == FREE
        groups, rows = groups[free], self.entries.rows[places][free]
        if not len(groups):
            return
        wanted = self.wanted(label)
        best = np.lexsort((self.entries.order[groups], -rows))
        groups, rows = groups[best], rows[best]
        if (self.start[groups[:_GREEDY] + 1] - self.start[groups[:_GREEDY]] == 1).all():
            self._deal_alone(label, groups[:_GREEDY], rows[:_GREEDY], wanted, len(groups))
        else:
            for at in range(min(len(groups), _GREEDY)):
                self._deal_group(label, int(groups[at]), wanted, len(groups) - at)
        if len(groups) > _GREEDY:
            self._deal_many(label, groups[_GREEDY:], rows[_GREEDY:], wanted)

    def _deal_group(self, label: int, group: int, wanted: Shares, left: int) -> None:
        need = wanted - self.held[label]
        lacking = self.held[label] < self.floors
        if self.coverable[label] and lacking.sum() > 0 and left <= lacking.sum():
            need = np.where(lacking, need, -np.inf)
        elif not self.coverable[label]:
            self.put(group, 0)
            return
        nearest = np.flatnonzero(need >= need.max() - 1e-9)
        if len(nearest) > 1:
            overall = (self.shares * self.all_rows - self.overall)[nearest]
            nearest = nearest[overall >= overall.max() - 1e-9]
        self.put(group, int(nearest[0]))

    def _deal_alone(self, label: int, groups: Numbers, rows: Numbers, wanted: Shares, left: int) -> None:
        """Deal groups of one label alone as `_deal_group` does; in plain numbers, as there are many such labels."""
        if not self.coverable[label]:
            self.split[groups] = 0
            self._take(groups)
            return
        need, floors = (wanted - self.held[label]).tolist(), self.floors.tolist()
        held = self.held[label].tolist()
        overall = (self.shares * self.all_rows - self.overall).tolist()
        every = range(self.splits)
        lacking = sum(held[split] < floors[split] for split in every)
        chosen = []
        for size in rows.tolist():
            among = (
                [split for split in every if held[split] < floors[split]] if lacking > 0 and left <= lacking else every
            )
            most = max(need[split] for split in among)
            near = [split for split in among if need[split] >= most - 1e-9]
            to = near[0] if len(near) == 1 else max(near, key=lambda split: (round(overall[split], 6), -split))
            lacking -= held[to] < floors[to] <= held[to] + size
            held[to] += size
            need[to] -= size
            overall[to] -= size
            left -= 1
            chosen.append(to)
        self.split[groups] = chosen
        self._take(groups)

    def _deal_many(self, label: int, groups: Numbers, rows: Numbers, wanted: Shares) -> None:
        """Deal small groups of a common label along their order: each split gets the part that it needs of them."""
        along = np.argsort(self.entries.order[groups], kind="stable")
        groups, rows = groups[along], rows[along]
        need = np.maximum(wanted - self.held[label], 0)
        ends = np.cumsum(need) / max(need.sum(), 1e-9) * rows.sum() if need.any() else np.full(self.splits, rows.sum())
        middle = np.cumsum(rows) - rows / 2
        self.split[groups] = np.minimum(np.searchsorted(ends, middle, side="right"), self.splits - 1).astype(np.int8)
        self._take(groups)
