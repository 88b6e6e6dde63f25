"""Held-out items as the leak search takes them: those whose hash clears, those whose hash only warns, and the rest.

A hash that carries too little information clears nothing: a training image near such an item is reported as doubtful,
and the item itself counts as not covered by its hash. An item without any hash is guarded by bytes and keys alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dedup import HeldOut

DOUBTFUL = "doubtful"
"""Rule of a leak of a held-out image whose own hash carries too little information."""


@dataclass(frozen=True, slots=True)
class Leak:
    """The held-out item that a training image leaks."""

    benchmark: str
    item: str
    rule: str
    """bytes, pixels, hamming, phash, occurrence or doubtful."""
    distance: int
    variant: int


def informative(items: pa.Table, minimum_quality: int, name: str = "pdq") -> HeldOut:
    """Give the held-out items whose hash of that name carries information: stated quality, at least the minimum.

    >>> from dedup import HASH_LIST_SCHEMA
    >>> rows = [{"item": str(q), "pdq": "0f" * 32, "quality": q} for q in (10, 90)]
    >>> informative(pa.Table.from_pylist(rows, HASH_LIST_SCHEMA), 50).item
    ('90',)
    """
    usable = pc.fill_null(pc.greater_equal(items.column("quality"), minimum_quality), False)
    return HeldOut.from_table(items.filter(pc.and_(items.column(name).is_valid(), usable)), name)


def doubtful(items: pa.Table, minimum_quality: int) -> HeldOut:
    """Give the held-out items that have a PDQ of low or unstated quality.

    >>> from dedup import HASH_LIST_SCHEMA
    >>> rows = [{"item": str(q), "pdq": "0f" * 32, "quality": q} for q in (10, None, 90)]
    >>> doubtful(pa.Table.from_pylist(rows, HASH_LIST_SCHEMA), 50).item
    ('10', 'None')
    """
    low = pc.fill_null(pc.less(items.column("quality"), minimum_quality), True)
    return HeldOut.from_table(items.filter(pc.and_(items.column("pdq").is_valid(), low)))


def same_content(items: pa.Table, columns: Mapping[str, Sequence[str | None]]) -> dict[int, Leak]:
    """Give the leaks by equal digests: `columns` holds 'sha256' and 'pixel_sha256' of the training images.

    Bytes come before pixels, and of several items with one digest the first by benchmark and name counts.
    """
    leaks: dict[int, Leak] = {}
    ordered = items.select(["benchmark", "item", "sha256", "pixel_sha256"]).sort_by(
        [("benchmark", "ascending"), ("item", "ascending")]
    )
    names = list(zip(ordered["benchmark"].to_pylist(), ordered["item"].to_pylist(), strict=True))
    for column, rule in (("sha256", "bytes"), ("pixel_sha256", "pixels")):
        known: dict[str, tuple[str, str]] = {}
        for name, digest in zip(names, ordered[column].to_pylist(), strict=True):
            if digest:
                known.setdefault(digest, name)
        for index, digest in enumerate(columns[column]):
            if digest in known and index not in leaks:
                leaks[index] = Leak(*known[digest], rule, 0, 0)
    return leaks


def packed(digests: Sequence[str | None], width: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Give the first hash of each row of a hash list's column as uint8[k, width], and the k rows that have one.

    >>> hashes, rows = packed(["00ff", None, "0101 ffff"], 2)
    >>> hashes.tolist(), rows.tolist()
    ([[0, 255], [1, 1]], [0, 2])
    """
    rows = [index for index, digest in enumerate(digests) if digest]
    text = "".join((digests[index] or "")[: 2 * width] for index in rows)
    return np.frombuffer(bytes.fromhex(text), np.uint8).reshape(-1, width), np.array(rows, np.int64)
