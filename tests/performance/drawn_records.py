"""Records drawn at random as arrays, any number of them, with the pairs and leaks that likeness decides on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.likeness import Edges
from pipeline.likeness.record_leaks import RecordLeaks
from pipeline.likeness.records.candidates import Candidates, Rows, row_type
from pipeline.likeness.records.lineages import Lineages
from pipeline.likeness.records.nodes import picture_nodes

LABELS = 5000


@dataclass(frozen=True, slots=True)
class Drawn:
    """Records in order of preference, with all that is decided from."""

    candidates: Candidates
    node: Rows
    edges: Edges
    leaks: RecordLeaks
    occurrence: Rows
    by_id: Rows

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        edges = (self.edges.left, self.edges.right, self.edges.distance, self.edges.residuals())
        leaks = (self.leaks.record, self.leaks.item, self.leaks.rule, self.leaks.distance, self.leaks.variant)
        arrays = (self.node, self.occurrence, self.by_id, *edges, *leaks)
        return self.candidates.nbytes + sum(array.nbytes for array in arrays)


def drawn(count: int, shared: float = 0.05, near: float = 0.1, seed: int = 5) -> Drawn:
    """Draw records, of which a share has the pixels of an earlier one, and as many near pairs as another share.

    One record in a hundred of these bears another label, one in a thousand leaks, one in fifty says too little.
    """
    draw = np.random.default_rng(seed)
    kind = row_type(count)
    own: Rows = np.arange(count, dtype=kind)
    # Whom a record copies stands before it, and is no copy itself.
    earlier = (own * draw.random(count)).astype(kind)
    copies = (draw.random(count) < shared) & (own > 0)
    copies &= ~copies[earlier]
    pixels = np.where(copies, earlier, own)
    label = draw.integers(0, LABELS, count, dtype=np.int32)
    label = np.where(copies & (draw.random(count) > 0.01), label[earlier], label)
    quality = np.where(draw.random(count) < 0.02, 10, 90).astype(np.int16)[pixels]
    node, first, telling = picture_nodes(pixels, quality >= 50)
    left = draw.permutation(telling)[: int(near * count)]
    right = (left + 1 + draw.integers(0, 5, len(left))) % telling
    left, right = np.minimum(left, right).astype(np.int64), np.maximum(left, right).astype(np.int64)
    keys = np.unique(left * telling + right)
    left, right = keys // telling, keys % telling
    alike = draw.random(len(left)) > 0.01
    label[first[right[alike]]] = label[first[left[alike]]]
    edges = Edges(left, right, draw.integers(0, 11, len(left)), np.round(draw.random(len(left)) * 6, 3)).narrowed()
    place = np.arange(LABELS, dtype=np.int32)
    # Species in genera of 5, families of 20 and so on; each rank has numbers of its own.
    ranks = [place // width + LABELS * rank for rank, width in enumerate((LABELS, 900, 300, 100, 20, 5, 1), 1)]
    lineages = Lineages(np.stack([ranks[-1], *ranks], axis=1), [f"t:{number}" for number in range(8 * LABELS)])
    candidates = Candidates(quality, draw.random(count) < 0.2, label, pixels, own.copy(), lineages)
    record = np.sort(draw.choice(count, max(1, count // 1000), replace=False))
    zeros = np.zeros(len(record), np.int16)
    item, rule = zeros.astype(np.int32), zeros.astype(np.uint8) + 2
    leaks = RecordLeaks(record, item, rule, zeros, zeros, zeros - 1, [("b", "x")])
    occurrence = own - (own % 9 == 8).astype(kind)
    return Drawn(candidates, node, edges, leaks, occurrence, draw.permutation(count).astype(kind))
