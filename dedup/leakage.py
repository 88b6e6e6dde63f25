"""The leak search: which training images lie within a distance of a held-out image, mirrored or turned in any way.

The search runs the bands of the exact join (`dedup.nearest`), so a training image it does not name lies further than
the distance from every held-out hash. It says nothing about what has no hash: held-out items that could not be read
stay listed in `HeldOut` as not covered, and whether a hash of low quality may clear an image is the caller's matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dedup.errors import LikenessError
from dedup.nearest import nearest_within
from dedup.pairs import Hashes, Pairs, check_hashes, gather_pairs

UNKNOWN_QUALITY = -1
"""Quality of a held-out item whose list does not state one."""

_BYTES = {"pdq": 32, "phash": 8}
_SLICE = 1 << 20
"""Training hashes searched at a time, so that the pairs in memory do not grow with the training set."""


@dataclass(frozen=True, slots=True)
class HeldOut:
    """The images that nothing in training may resemble: m items with k hashes between them.

    `benchmark`, `item`: m names. `sha256`, `pixel_sha256`: m hex digests or None. `quality`: int16[m].
    `outcome`: m codes of why an item could not be hashed, None where it could: those items are not covered.
    `pdq`: uint8[k, 32], or uint8[k, 8] where the pHash was asked for, `owner`: int64[k] (item of each hash),
    `variant`: int8[k] (place in `hashes.DIHEDRAL`), sorted by owner and variant. An item has 8 hashes, 1 where its list
    holds no more, or none; never a placeholder.
    """

    benchmark: tuple[str, ...]
    item: tuple[str, ...]
    sha256: tuple[str | None, ...]
    pixel_sha256: tuple[str | None, ...]
    outcome: tuple[str | None, ...]
    quality: npt.NDArray[np.int16]
    pdq: Hashes
    owner: npt.NDArray[np.int64]
    variant: npt.NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.item)

    def not_covered(self) -> npt.NDArray[np.int64]:
        """Return the items without any PDQ, which no distance can guard: int64, ascending."""
        return np.setdiff1d(np.arange(len(self), dtype=np.int64), self.owner)

    @staticmethod
    def from_table(table: pa.Table, name: str = "pdq") -> HeldOut:
        """Take the rows of a hash list as `read_hash_list` gives them, item i being row i.

        `name`: the column with the hashes to compare, 'pdq' or 'phash'.

        >>> from dedup.hashlist import HASH_LIST_SCHEMA
        >>> rows = [{"benchmark": "b", "item": "1.jpg", "pdq": "00" * 31 + "ff", "quality": 90}]
        >>> held_out = HeldOut.from_table(pa.Table.from_pylist(rows, schema=HASH_LIST_SCHEMA))
        >>> held_out.pdq.shape, held_out.not_covered().tolist()
        ((1, 32), [])
        """
        texts = [text.split(" ") if text else [] for text in table.column(name).to_pylist()]
        counts = np.array([len(text) for text in texts], np.int64)
        packed = bytes.fromhex("".join(digest for text in texts for digest in text))
        owner = np.repeat(np.arange(len(texts), dtype=np.int64), counts)
        variant = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
        quality = [UNKNOWN_QUALITY if value is None else value for value in table.column("quality").to_pylist()]
        return HeldOut(
            benchmark=tuple(table.column("benchmark").to_pylist()),
            item=tuple(table.column("item").to_pylist()),
            sha256=tuple(table.column("sha256").to_pylist()),
            pixel_sha256=tuple(table.column("pixel_sha256").to_pylist()),
            outcome=tuple(table.column("outcome").to_pylist()),
            quality=np.array(quality, np.int16),
            pdq=np.frombuffer(packed, np.uint8).reshape(-1, _BYTES[name]),
            owner=owner,
            variant=variant.astype(np.int8),
        )


@dataclass(frozen=True, slots=True)
class Leaks:
    """The training images that leak, one row each, by training row.

    `train`, `held_out`: int64[k], rows of the training array and items of the HeldOut.
    `variant`: int8[k], how the held-out image was turned (place in `hashes.DIHEDRAL`). `distance`: int16[k].
    `train_quality`, `held_out_quality`: int16[k], evidence for whoever judges the pair; UNKNOWN_QUALITY: not stated.
    """

    train: npt.NDArray[np.int64]
    held_out: npt.NDArray[np.int64]
    variant: npt.NDArray[np.int8]
    distance: npt.NDArray[np.int16]
    train_quality: npt.NDArray[np.int16]
    held_out_quality: npt.NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.train)


def find_leaks(
    train_pdq: Hashes, train_quality: Sequence[int] | npt.NDArray[np.integer], held_out: HeldOut, distance: int
) -> Leaks:
    """Find every training image within the distance of a held-out one, with the nearest held-out image of each.

    `train_pdq`: uint8[n, 32] (uint8[n, 8] against pHashes), rows without a hash left out by the caller;
    `train_quality`: n values of 0 to 100. All rows are compared, whatever their quality. Of equally near held-out
    images the first item counts, and of its variants the first. LikenessError: other shapes, or a distance of half the
    bits or more.

    >>> from dedup.hashlist import HASH_LIST_SCHEMA
    >>> rows = [{"benchmark": "b", "item": "1.jpg", "pdq": "00" * 31 + "ff", "quality": 90}]
    >>> held_out = HeldOut.from_table(pa.Table.from_pylist(rows, schema=HASH_LIST_SCHEMA))
    >>> leaks = find_leaks(np.zeros((1, 32), np.uint8), [80], held_out, 30)
    >>> leaks.train.tolist(), leaks.held_out.tolist(), leaks.distance.tolist()
    ([0], [0], [8])
    """
    check_hashes(train_pdq, "train_pdq")
    quality = np.asarray(train_quality, dtype=np.int16)
    if quality.shape != (len(train_pdq),):
        raise LikenessError(
            f"{quality.size} qualities for {len(train_pdq)} training hashes",
            expected="one quality per hash",
            remedy="take both from the same rows",
        )
    parts = []
    for start in range(0, max(1, len(train_pdq)), _SLICE):
        near = nearest_within(train_pdq[start : start + _SLICE], held_out.pdq, distance)
        parts.append(Pairs(near.left + start, near.right, near.distance))
    leaking = gather_pairs(parts)
    train, item = leaking.left, held_out.owner[leaking.right]
    return Leaks(
        train=train,
        held_out=item,
        variant=held_out.variant[leaking.right],
        distance=leaking.distance,
        train_quality=quality[train],
        held_out_quality=held_out.quality[item],
    )


def usable(quality: Sequence[int] | npt.NDArray[np.integer], minimum: int) -> npt.NDArray[np.bool_]:
    """Return which hashes tell enough about their image to merge it, or to clear it: bool[n], quality >= minimum.

    Meta's tools discard PDQ hashes below 50. UNKNOWN_QUALITY is never usable; what follows is the caller's matter.

    >>> usable([0, 49, 50, -1], 50).tolist()
    [False, False, True, False]
    """
    values = np.asarray(quality, dtype=np.int16)
    enough: npt.NDArray[np.bool_] = (values >= minimum) & (values != UNKNOWN_QUALITY)
    return enough
