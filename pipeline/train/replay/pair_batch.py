"""What replay reads: batches of images and texts, each a function of its step alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class PairBatch:
    """One rank's part of the replay of a step."""

    images: npt.NDArray[np.uint8]
    """Shape (samples, side, side, 3), RGB."""
    texts: tuple[str, ...]
    keys: tuple[str, ...]


class Pairs(Protocol):
    """Pairs of image and text."""

    where: str
    digest: str
    """Of the data, the view, and the rules that decide every batch."""
    told: str
    """What there is, for people."""

    def __len__(self) -> int:
        """Return the number of pairs."""

    def batch(self, step: int, rank: int = 0, world: int = 1) -> PairBatch:
        """Return slice `rank` of `world` equal ones of a step's pairs."""
