"""Labels, each held once: the accepted taxon of a record and the seven ranks that it stands under."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.model.records import RANK_COLUMNS

RANK_IDS = tuple(f"{rank}_id" for rank in RANK_COLUMNS)
LABEL_COLUMNS = ("accepted_id", *RANK_IDS)
"""The columns that make a label."""
_BLOCK = 1 << 18
"""Pairs of labels compared at a time, some 20 MB."""


@dataclass(frozen=True, slots=True)
class Lineages:
    """Distinct labels: `ids` int32[m, 8], the accepted taxon and the ranks as places in `taxa`, -1 for none."""

    ids: npt.NDArray[np.int32]
    taxa: Sequence[str]

    @staticmethod
    def of(labels: pa.Table) -> Lineages:
        """Take a table of LABEL_COLUMNS, a row a label.

        >>> ranks = {name: ["t:Puma", None] for name in RANK_IDS}
        >>> Lineages.of(pa.table({"accepted_id": ["t:Puma", "t:Felidae"], **ranks})).ids[:, :2].tolist()
        [[0, 0], [1, -1]]
        """
        columns = [labels[name].combine_chunks().cast(pa.string()) for name in LABEL_COLUMNS]
        every = pa.chunked_array(columns, pa.string()).combine_chunks().dictionary_encode()
        ids = every.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
        return Lineages(np.ascontiguousarray(ids.reshape(len(columns), -1).T), every.dictionary.to_pylist())

    @staticmethod
    def labelling(records: pa.Table) -> tuple[Lineages, npt.NDArray[Any]]:
        """Return the distinct labels of the rows of a table, and the label of each row."""
        rows = Lineages.of(records)
        distinct, label = np.unique(rows.ids, axis=0, return_inverse=True)
        return Lineages(distinct.reshape(-1, len(LABEL_COLUMNS)), rows.taxa), label.reshape(-1).astype(np.int32)

    def compatible(self, one: npt.NDArray[Any], other: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Return which pairs of labels can both be right: the same taxon, or one an ancestor of the other.

        >>> ranks = {name: [None, None, None] for name in RANK_IDS} | {"genus_id": ["t:Puma", "t:Puma", "t:Lynx"]}
        >>> some = Lineages.of(pa.table({"accepted_id": ["t:Puma", "t:Puma-concolor", "t:Lynx-lynx"], **ranks}))
        >>> some.compatible(np.array([0, 1, 1]), np.array([1, 1, 2])).tolist()
        [True, True, False]
        """
        answer: npt.NDArray[np.bool_] = one == other
        open_pairs = np.flatnonzero(~answer)
        for start in range(0, len(open_pairs), _BLOCK):
            some = open_pairs[start : start + _BLOCK]
            a, b = self.ids[one[some]], self.ids[other[some]]
            above = (a[:, :1] == b).any(axis=1)
            answer[some] = above | (b[:, :1] == a).any(axis=1)
        return answer

    def taxon(self, label: int) -> str | None:
        """Return the accepted taxon of a label."""
        return self.at_rank(label, -1)

    def at_rank(self, label: int, rank: int) -> str | None:
        """Return the taxon of a label at the rank of that place in RANK_COLUMNS; -1: its accepted one."""
        code = int(self.ids[label, rank + 1])
        return self.taxa[code] if code >= 0 else None
