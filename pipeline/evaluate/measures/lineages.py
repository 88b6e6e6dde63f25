"""Lineages of classes at the seven ranks, as numbers; the height of the lowest common ancestor of two classes.

A name means one taxon within its kingdom (the codes of nomenclature see to that for genera, and species hold their
genus), and may mean another in the next: so a taxon is a rank, a kingdom and a name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from manifests.recipe import RANKS
from pipeline.evaluate.measures.vectors import Codes
from pipeline.model.errors import EvaluationError

MISSING = -1
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Lineages:
    """The seven ranks of every class."""

    codes: npt.NDArray[np.int64]
    """int64[classes, 7]: the number of the taxon at each rank, from kingdom to species; MISSING where it has none."""
    names: tuple[tuple[str, ...], ...]
    """By rank, the names of the taxa that the numbers stand for."""

    def __len__(self) -> int:
        return len(self.codes)

    def taxa(self, rank: int) -> int:
        """Return how many taxa there are at a rank."""
        return len(self.names[rank])

    def heights(self, one: Codes, other: Codes) -> Codes:
        """Return the height of the lowest common ancestor of pairs of classes: int64[pairs], 0 to 7.

        Height is counted in ranks above the class: 0 the same class, 1 the same genus, 2 the same family, up to 6 the
        same kingdom and 7 none. From the kingdom down, ranks that one of the two does not have are passed over, and the
        last rank that agrees before the first that does not is the ancestor's. Classes that agree in all ranks that
        both have, down to the species (a species and its subspecies), have height 0: seven ranks do not tell them
        apart.

        >>> tree = read_lineages([{"kingdom": "A", "genus": "a"}, {"kingdom": "A", "genus": "b"}, {"kingdom": "P"}])
        >>> tree.heights(np.array([0, 0, 0]), np.array([0, 1, 2])).tolist()
        [0, 6, 7]
        """
        heights = np.empty(len(one), np.int64)
        for start in range(0, len(one), _BLOCK):
            left, right = one[start : start + _BLOCK], other[start : start + _BLOCK]
            a, b = self.codes[left], self.codes[right]
            both = (a != MISSING) & (b != MISSING)
            going = np.logical_and.accumulate(~both | (a == b), axis=1)
            agreed = both & going
            last = np.where(agreed.any(axis=1), len(RANKS) - np.argmax(agreed[:, ::-1], axis=1), 0)
            heights[start : start + _BLOCK] = np.where(left == right, 0, len(RANKS) - last)
        return heights


def read_lineages(rows: Sequence[Mapping[str, str | None]]) -> Lineages:
    """Return the lineages of classes, a mapping from rank to name each; absent, null and empty names are missing.

    Numbers of taxa follow the order of kingdom and name. Raises EvaluationError where there are no classes.

    >>> read_lineages([{"kingdom": "Animalia", "genus": "Morus"}, {"kingdom": "Plantae", "genus": "Morus"}]).names[5]
    ('Morus', 'Morus')
    """
    if not rows:
        raise EvaluationError("there are no classes", expected="a lineage for each class")
    codes = np.full((len(rows), len(RANKS)), MISSING, np.int64)
    names: list[tuple[str, ...]] = []
    for rank, column in enumerate(RANKS):
        keys = [(row.get("kingdom") or "", row.get(column) or "") for row in rows]
        known = sorted({key for key in keys if key[1]})
        numbers = {key: number for number, key in enumerate(known)}
        codes[:, rank] = [numbers.get(key, MISSING) for key in keys]
        names.append(tuple(name for _, name in known))
    return Lineages(codes, tuple(names))
