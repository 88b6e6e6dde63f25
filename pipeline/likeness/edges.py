"""Near pairs of nodes with their evidence, as joins find them and decisions take them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipeline.likeness.records.candidates import Rows, row_type
from pipeline.likeness.verification import UNKNOWN_RESIDUAL, Floats, Int


@dataclass(frozen=True, slots=True)
class Edges:
    """Near pairs of nodes: distance in bits, and how far their thumbnails are apart."""

    left: Rows
    right: Rows
    distance: Rows
    residual: Floats | None = None
    """Of the thumbnails, in grey levels; UNKNOWN_RESIDUAL where there is none, None where none was asked for."""

    def __len__(self) -> int:
        return len(self.left)

    def at(self, chosen: np.typing.NDArray[np.bool_] | Int) -> Edges:
        """Return some of the edges, by a mask or their places; themselves where a mask takes all."""
        if chosen.dtype == np.bool_ and chosen.all():
            return self
        return Edges(self.left[chosen], self.right[chosen], self.distance[chosen], self.residuals()[chosen])

    def narrowed(self) -> Edges:
        """Return the same edges in as few bytes as hold them: their number is that of the images, or more.

        >>> narrow = Edges(np.array([0]), np.array([1]), np.array([4])).narrowed()
        >>> narrow.left.dtype, narrow.distance.dtype
        (dtype('int32'), dtype('int16'))
        """
        most = max((int(ends.max()) for ends in (self.left, self.right) if len(ends)), default=0)
        kind = row_type(most + 1)
        return replace(
            self,
            left=self.left.astype(kind, copy=False),
            right=self.right.astype(kind, copy=False),
            distance=self.distance.astype(np.int16, copy=False),
        )

    def residuals(self) -> Floats:
        """Return the residuals, UNKNOWN_RESIDUAL where none was asked for.

        >>> Edges(np.array([0]), np.array([1]), np.array([4])).residuals().tolist()
        [-1.0]
        """
        return np.full(len(self.left), UNKNOWN_RESIDUAL) if self.residual is None else self.residual


def joined(parts: Sequence[Edges]) -> Edges:
    """Put edges together, sorted by their ends.

    >>> one, two = (Edges(np.array([a]), np.array([9]), np.array([1])) for a in (5, 3))
    >>> joined([one, two]).left.tolist()
    [3, 5]
    """
    nobody = np.empty(0, np.int64)
    every = [Edges(nobody, nobody, nobody), *parts]
    left = np.concatenate([part.left for part in every])
    right = np.concatenate([part.right for part in every])
    distance, residual = (
        np.concatenate([part.distance for part in every]),
        np.concatenate([part.residuals() for part in every]),
    )
    return Edges(left, right, distance, residual).at(np.lexsort((right, left)))
