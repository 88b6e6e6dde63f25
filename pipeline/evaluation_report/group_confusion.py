"""Confusion by groups of one rank: how many pictures of each were given a taxon of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from manifests.recipe import RANKS
from pipeline.evaluate.measures.confusion import Confused, TaxonAccuracy
from pipeline.evaluate.measures.lineages import MISSING, Lineages

MOST_GROUPS = 20
"""Rows and columns of the matrix; the groups that are least confused have one together."""


@dataclass(frozen=True, slots=True)
class GroupConfusion:
    """Pictures by the group of their true and predicted taxon; groups are numbered in the order of the tree."""

    rank: str
    names: tuple[str, ...]
    cells: Counter[tuple[int, int]]
    """(true, predicted) -> pictures; those on the diagonal are right at this rank."""

    def images(self) -> Counter[int]:
        """Return the pictures of each group."""
        return _sums(self.cells, 0)

    def wrong(self) -> list[tuple[int, int, int]]:
        """Return the groups that were confused, as (true, predicted, pictures), the most frequent first."""
        found = [(one, other, many) for (one, other), many in self.cells.items() if one != other]
        return sorted(found, key=lambda each: (-each[2], each[0], each[1]))

    def folded(self, most: int = MOST_GROUPS) -> GroupConfusion:
        """Return it with at most so many groups: those that are confused most, and all others as one.

        >>> cells = Counter({(0, 1): 5, (1, 1): 1, (2, 3): 1, (3, 3): 9, (2, 2): 4})
        >>> found = GroupConfusion("order", ("a", "b", "c", "d"), cells).folded(3)
        >>> found.names, sorted(found.cells.items())
        (('a', 'b', '2 others'), [((0, 1), 5), ((1, 1), 1), ((2, 2), 14)])
        """
        if len(self.names) <= most:
            return self
        confused: Counter[int] = Counter()
        for one, other, many in self.wrong():
            confused[one] += many
            confused[other] += many
        kept = sorted(range(len(self.names)), key=lambda each: (-confused[each], each))[: most - 1]
        place = {group: at for at, group in enumerate(sorted(kept))}
        rest = len(kept)
        cells: Counter[tuple[int, int]] = Counter()
        for (one, other), many in self.cells.items():
            cells[place.get(one, rest), place.get(other, rest)] += many
        names = (*(self.names[group] for group in sorted(kept)), f"{len(self.names) - rest:,} others")
        return GroupConfusion(self.rank, names, cells)


def group_confusion(
    lineages: Lineages, confused: Sequence[Confused], taxa: Sequence[TaxonAccuracy], rank: str
) -> GroupConfusion:
    """Return the confusion by the groups of a rank; taxa without one are a group of their own, the last.

    Of two groups of one name, of two kingdoms, each is told with its kingdom.
    """
    at = RANKS.index(rank)
    cells: Counter[tuple[int, int]] = Counter()
    for taxon in taxa:
        if taxon.right:
            cells[(int(lineages.codes[taxon.taxon, at]),) * 2] += taxon.right
    for pair in confused:
        cells[int(lineages.codes[pair.true, at]), int(lineages.codes[pair.predicted, at])] += pair.images
    codes = {code for cell in cells for code in cell}
    paths = {
        code: tuple(int(each) for each in lineages.codes[taxon.taxon, : at + 1])
        for taxon in taxa
        if (code := int(lineages.codes[taxon.taxon, at])) in codes
    }
    order = sorted(codes, key=lambda code: (code == MISSING, paths[code], code))
    place = {code: number for number, code in enumerate(order)}
    twice = Counter(lineages.names[at][code] for code in order if code != MISSING)
    names = []
    for code in order:
        name = f"no {rank}" if code == MISSING else lineages.names[at][code]
        kingdom = paths[code][0]
        names.append(f"{name} ({lineages.names[0][kingdom]})" if twice[name] > 1 and kingdom != MISSING else name)
    moved = Counter({(place[one], place[other]): many for (one, other), many in cells.items()})
    return GroupConfusion(rank, tuple(names), moved)


def readable_rank(lineages: Lineages, taxa: Sequence[TaxonAccuracy], most: int = MOST_GROUPS) -> str:
    """Return the finest rank of 2 to `most` groups that most pictures have; where none is, the coarsest of two or more.

    '' where no rank has two groups.
    """
    judged = [each for each in taxa if each.images]
    images = sum(each.images for each in judged)
    sizes = {}
    for at, rank in enumerate(RANKS):
        groups = {int(lineages.codes[each.taxon, at]) for each in taxa} - {MISSING}
        known = sum(each.images for each in judged if lineages.codes[each.taxon, at] != MISSING)
        if len(groups) > 1 and 2 * known >= images:
            sizes[rank] = len(groups)
    fitting = [rank for rank, groups in sizes.items() if groups <= most]
    return fitting[-1] if fitting else next(iter(sizes), "")


def _sums(cells: Counter[tuple[int, int]], side: int) -> Counter[int]:
    found: Counter[int] = Counter()
    for cell, many in cells.items():
        found[cell[side]] += many
    return found
