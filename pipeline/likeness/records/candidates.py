"""What decides about candidates, as arrays: some 20 bytes a record instead of an object for each of its values.

A text is never compared with all others again. Of each key that matters (pixels, bytes, occurrence …) a record holds
the first record that has the same one: equal numbers are equal texts, and that number is the one that is looked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.likeness.records.lineages import Lineages

Rows = npt.NDArray[Any]
"""Numbers of records or nodes, as int32 or int64, whichever holds them."""


def row_type(count: int) -> type[np.int32] | type[np.int64]:
    """Return the smaller integer that numbers so many rows and -1.

    >>> row_type(10_000_000).__name__
    'int32'
    """
    return np.int32 if count < 1 << 31 else np.int64


def first_equal(values: pa.Array | pa.ChunkedArray) -> Rows:
    """Return, for every row, the first row of an equal value; nulls are equal to each other.

    >>> first_equal(pa.array(["b", "a", None, "b", None])).tolist()
    [0, 1, 2, 0, 2]
    """
    whole = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    encoded = (whole.cast(pa.string()) if pa.types.is_null(whole.type) else whole).dictionary_encode("encode")
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    first: Rows = np.zeros(len(encoded.dictionary), row_type(len(codes)))
    # Of several values for one place the last one written stays.
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    answer: Rows = first[codes]
    return answer


@dataclass(frozen=True, slots=True)
class Candidates:
    """Records in order of preference, best first, as what decides about them; n entries each.

    `quality`: int16, of the PDQ. `box`: bool, whether the image is a box of a picture. `label`: its place in
    `lineages`. `pixels`: the first record of equal pixels. `picture`: the first record of the same bytes, or medium.
    """

    quality: npt.NDArray[np.int16]
    box: npt.NDArray[np.bool_]
    label: Rows
    pixels: Rows
    picture: Rows
    lineages: Lineages

    def __len__(self) -> int:
        return len(self.quality)

    @property
    def nbytes(self) -> int:
        """Bytes that the records take, beside those of their distinct labels."""
        return sum(part.nbytes for part in (self.quality, self.box, self.label, self.pixels, self.picture))

    @staticmethod
    def of(records: pa.Table | Candidates) -> Candidates:
        """Return the columns of a table that decide about its rows.

        It needs quality, pixel_sha256, media_id, box (bool), accepted_id and the rank ids, and may have sha256, of the
        bytes that the picture came in: frames of the same bytes are one picture, whatever they are called.

        >>> from pipeline.likeness.records.lineages import RANK_IDS
        >>> table = pa.table({"quality": [90, 80], "pixel_sha256": ["p", "p"], "media_id": ["m", "n"]}
        ...                  | {"box": [False, True]} | {name: ["t:Puma"] * 2 for name in ("accepted_id", *RANK_IDS)})
        >>> made = Candidates.of(table)
        >>> made.pixels.tolist(), made.picture.tolist(), made.label.tolist()
        ([0, 0], [0, 1], [0, 0])
        """
        if isinstance(records, Candidates):
            return records
        lineages, label = Lineages.labelling(records)
        return Candidates(
            records["quality"].to_numpy().astype(np.int16),
            np.array(records["box"].to_pylist(), np.bool_),
            label,
            first_equal(records["pixel_sha256"]),
            first_equal(records["sha256" if "sha256" in records.column_names else "media_id"]),
            lineages,
        )
