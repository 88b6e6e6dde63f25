"""The files of the nodes that the units of work share: hashes to search and join, and where the images lie."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.likeness.arrays import save_rows
from pipeline.likeness.candidates import Rows
from pipeline.likeness.ordered import Ordered
from pipeline.likeness.placeholders import Placeholders
from pipeline.likeness.stored import PLACE_SCHEMA, write_places

HASH_FILES = {"pdq": ("hashes", 32), "phash": ("phashes", 8)}
"""Column of a hash, its file, and its bytes."""


def write_node_files(folder: Path, ordered: Ordered, first: Rows, given: Placeholders) -> None:
    """Write hashes.npy, phashes.npy and nodes.arrow.

    `first`: the first record of every node that has a usable hash, ascending. Behind the hashes of the nodes stand
    those of the placeholders: they are searched for leaks, and meet no other image. Memory: that of a batch.
    """
    for (column, (name, width)), behind in zip(HASH_FILES.items(), (given.hashes, given.phashes), strict=True):
        shape = (len(first) + len(behind), width)
        save_rows(folder / f"{name}.npy", shape, np.dtype(np.uint8), _hashes(ordered, first, column, width, behind))
    write_places(folder / "nodes.arrow", _rows(ordered, first, PLACE_SCHEMA.names))


def _hashes(
    ordered: Ordered, first: Rows, column: str, width: int, behind: npt.NDArray[np.uint8]
) -> Iterator[npt.NDArray[np.uint8]]:
    for batch in _rows(ordered, first, [column]):
        yield np.frombuffer(b"".join(batch.column(0).to_pylist()), np.uint8).reshape(-1, width)
    yield behind


def _rows(ordered: Ordered, chosen: Rows, columns: list[str]) -> Iterator[pa.RecordBatch]:
    """Yield some columns of some records (ascending)."""
    start = 0
    for batch in ordered.batches(columns):
        low, high = np.searchsorted(chosen, (start, start + batch.num_rows))
        yield batch.take(pa.array(chosen[low:high] - start))
        start += batch.num_rows
