"""Species with two variants, such as female and male: their images in random halves, and the means of each half.

Two estimates of one direction from halves that share no image have independent errors, so that their inner product is
unbiased where the square of one estimate is not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.evaluate.measures.vectors import Codes, Numbers, Vectors, class_means, generator
from pipeline.model.errors import EvaluationError

LEAST = 4
"""Images of each variant of a species, so that each half has two, of which there is a variance."""


@dataclass(frozen=True, slots=True)
class VariantPairs:
    """The images of species that have enough of both variants."""

    vectors: Vectors
    cell: Codes
    """int64[images]: 4 * species + 2 * variant + half."""
    species: Codes
    """int64[species]: the numbers of the species, ascending; places in it number them here."""
    means: Numbers
    """float64[species, 2 variants, 2 halves, dimensions]"""
    centres: Numbers
    """float64[species, dimensions]: the mean of the means of both variants, so that neither weighs more."""

    def directions(self) -> tuple[Numbers, Numbers]:
        """Return two independent estimates of mean(A) - mean(B) of each species: float64[species, dimensions] each."""
        found = self.means[:, 0] - self.means[:, 1]
        return found[:, 0], found[:, 1]

    def rows(self, species: int, half: int) -> tuple[Codes, Codes]:
        """Return the rows of one species and half: those of variant A, then those of variant B."""
        return np.flatnonzero(self.cell == 4 * species + half), np.flatnonzero(self.cell == 4 * species + 2 + half)


def pair_variants(vectors: Vectors, species: Codes, variant: Codes, least: int = LEAST, seed: int = 0) -> VariantPairs:
    """Return the species with at least `least` images of both variants, in halves drawn by the seed.

    `variant`: 0 for A, 1 for B, any other number for images that are of neither. Raises EvaluationError where fewer
    than two species have enough.

    >>> found = pair_variants(np.ones((16, 2), np.float32), np.arange(16) // 8, np.arange(16) % 2)
    >>> found.species.tolist(), np.bincount(found.cell).tolist()
    ([0, 1], [2, 2, 2, 2, 2, 2, 2, 2])
    """
    least = max(least, LEAST)
    classes = int(species.max(initial=0)) + 1
    counts = [np.bincount(species[variant == each], minlength=classes) for each in (0, 1)]
    kept = np.flatnonzero((counts[0] >= least) & (counts[1] >= least))
    if len(kept) < 2:
        raise EvaluationError(
            f"{len(kept)} species have {least} images or more of both variants",
            expected="two or more such species",
        )
    numbers = np.full(classes, -1, np.int64)
    numbers[kept] = np.arange(len(kept))
    used = np.flatnonzero((numbers[species] >= 0) & ((variant == 0) | (variant == 1)))
    pair = 2 * numbers[species[used]] + variant[used]
    order = np.lexsort((generator(seed, 4).random(len(used)), pair))
    sizes = np.bincount(pair, minlength=2 * len(kept))
    begins = np.cumsum(sizes) - sizes
    cell = np.empty(len(used), np.int64)
    cell[order] = 2 * pair[order] + (np.arange(len(used)) - begins[pair[order]]) % 2
    x = vectors[used]
    means = class_means(x, cell, 4 * len(kept)).reshape(len(kept), 2, 2, -1)
    centres = class_means(x, pair, 2 * len(kept)).reshape(len(kept), 2, -1).mean(axis=1)
    return VariantPairs(x, cell, kept, means, centres)
