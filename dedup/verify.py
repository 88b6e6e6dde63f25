"""Verification of candidate pairs: do the thumbnails of two near hashes show the same picture?

A hash keeps which frequencies are strong, not where an animal stands: in front of one camera, or on one white sheet,
different pictures may lie as near as copies do. Here one 64 x 64 thumbnail is fitted to the other by a gain and an
offset, so that lighter, darker and flatter copies fit, and what is left over is averaged over small cells. A copy
leaves nothing anywhere; another animal leaves much in one place, however little that is of the whole. The residual of a
pair is the largest mean of any cell, the worse of the two directions, in grey levels of 0 to 255; in pictures of little
contrast it is raised as if theirs were usual.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dedup.blocks import SIDE, Blocks, check_blocks
from dedup.errors import LikenessError
from dedup.pairs import Pairs
from dedup.pdq import DIHEDRAL

RESIDUAL_LIMIT = 6.0
"""Largest residual of a verified pair: copies mostly stay below 3, frames of one burst a tenth of a second apart begin
at 6.7 (docs/likeness.md has the table)."""

CELL = 4
BLACK, WHITE, _ENOUGH = 4, 251, 1024
_CONTRAST = 40.0
"""Standard deviation of grey levels below which a residual counts for more: at night an animal is few levels bright."""
GAINS = (0.4, 2.5)
"""Contrast changes that a copy may have; beyond them a fit says that anything resembles nothing."""
_CHUNK = 16
"""Pairs fitted at a time: their arrays of 256 KB stay inside a core's cache."""

_Floats = npt.NDArray[np.float32]

_POOL = np.repeat(np.eye(SIDE // CELL, dtype=np.float32), CELL, axis=0)
"""Sums the columns of each cell: float32[64, 16]."""


@dataclass(frozen=True, slots=True)
class VerifiedPairs:
    """Pairs of rows with their evidence, sorted by (left, right).

    `left`, `right`: int64[k]. `distance`: int16[k], bits. `residual`: float32[k], grey levels, infinite where no
    allowed gain fits. `confirmed`: bool[k], residual at most the limit.
    """

    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    distance: npt.NDArray[np.int16]
    residual: _Floats
    confirmed: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.left)


def residuals(a: Blocks, b: Blocks) -> _Floats:
    """Return the residual of each pair of thumbnails, whichever way round: float32[k] from two of uint8[k, 64, 64].

    >>> page = np.tile(np.arange(64, dtype=np.uint8) * 3, (1, 64, 1))
    >>> spot = page.copy()
    >>> spot[0, 24:32, 24:32] += 60
    >>> [float(x) for x in residuals(np.concatenate([page, page]), np.concatenate([page // 2 + 9, spot])).round()]
    [0.0, 59.0]
    """
    check_blocks(a)
    check_blocks(b)
    if len(a) != len(b):
        raise LikenessError(
            f"{len(a)} thumbnails are compared with {len(b)}",
            expected="one of each per pair",
            remedy="index both alike",
        )
    parts = [_residuals(a[i : i + _CHUNK], b[i : i + _CHUNK]) for i in range(0, len(a), _CHUNK)]
    return np.concatenate(parts) if parts else np.empty(0, np.float32)


def verify_pairs(
    pairs: Pairs, blocks: Blocks, limit: float = RESIDUAL_LIMIT, others: Blocks | None = None
) -> VerifiedPairs:
    """Return the pairs with their residuals; rows of `right` are rows of `others` where that is given.

    `blocks`: uint8[n, 64, 64], any array or memory map; only the rows of pairs are read, a bounded number at a time.

    >>> blocks = np.zeros((2, 64, 64), np.uint8)
    >>> blocks[1, :8, :8] = 50
    >>> found = verify_pairs(Pairs(np.array([0]), np.array([1]), np.array([8], np.int16)), blocks)
    >>> found.confirmed.tolist()
    [False]
    """
    right = blocks if others is None else others
    parts = [
        _residuals(blocks[pairs.left[i : i + _CHUNK]], right[pairs.right[i : i + _CHUNK]])
        for i in range(0, len(pairs), _CHUNK)
    ]
    residual = np.concatenate(parts) if parts else np.empty(0, np.float32)
    return VerifiedPairs(pairs.left, pairs.right, pairs.distance, residual, residual <= limit)


def turned(blocks: Blocks, variant: Sequence[int] | npt.NDArray[np.integer]) -> Blocks:
    """Return each thumbnail turned as its variant says (places in `pdq.DIHEDRAL`), so that a mirrored copy can be
    fitted.

    >>> block = np.arange(4096, dtype=np.uint32).astype(np.uint8).reshape(1, 64, 64)
    >>> bool((turned(block, [DIHEDRAL.index("flip_y")]) == block[:, ::-1]).all())
    True
    """
    check_blocks(blocks)
    places = np.asarray(variant)
    answer = np.empty_like(blocks)
    for place in range(len(DIHEDRAL)):
        chosen = np.flatnonzero(places == place)
        if len(chosen):
            answer[chosen] = _turn(blocks[chosen], DIHEDRAL[place])
    return answer


def _turn(blocks: Blocks, name: str) -> Blocks:
    if name == "identity":
        return blocks
    if name.startswith("rotate"):
        return np.rot90(blocks, int(name.removeprefix("rotate")) // 90, axes=(1, 2))
    if name == "flip_y":
        return blocks[:, ::-1]
    if name == "flip_x":
        return blocks[:, :, ::-1]
    swapped = blocks.transpose(0, 2, 1)
    return swapped if name == "transpose" else swapped[:, ::-1, ::-1]


def _residuals(a: Blocks, b: Blocks) -> _Floats:
    x, y = a.reshape(len(a), -1).astype(np.float32), b.reshape(len(b), -1).astype(np.float32)
    # Where a copy was made lighter its whites are cut off: such points say nothing about gain and offset.
    inside = (a > BLACK) & (a < WHITE) & (b > BLACK) & (b < WHITE)
    weight = inside.reshape(len(a), -1).astype(np.float32)
    weight[weight.sum(axis=1) < _ENOUGH] = 1.0
    # Sums of whole numbers below 2**24 are exact in single precision, and need no conversion.
    area = weight.sum(axis=1).astype(np.float64)
    wx, wy = weight * x, weight * y
    mean_x, mean_y = wx.sum(axis=1).astype(np.float64) / area, wy.sum(axis=1).astype(np.float64) / area
    cross, own_x, own_y = (np.einsum("ki,ki->k", u, v, dtype=np.float64) for u, v in ((wx, y), (wx, x), (wy, y)))
    covariance = cross / area - mean_x * mean_y
    own_x, own_y = own_x / area - mean_x**2, own_y / area - mean_y**2
    forward = _misfit(covariance, own_x, own_y, x, y, mean_x, mean_y)
    backward = _misfit(covariance, own_y, own_x, y, x, mean_y, mean_x)
    return np.maximum(forward, backward)


def _misfit(
    covariance: npt.NDArray[np.float64],
    variance: npt.NDArray[np.float64],
    target_variance: npt.NDArray[np.float64],
    source: _Floats,
    target: _Floats,
    source_mean: npt.NDArray[np.float64],
    target_mean: npt.NDArray[np.float64],
) -> _Floats:
    """Fit source to target by least squares, and give the largest mean residual of a cell."""
    gain = np.divide(covariance, variance, out=np.ones_like(variance), where=variance > 0)
    offset = target_mean - gain * source_mean
    fitted = source * gain[:, np.newaxis].astype(np.float32)
    fitted += offset[:, np.newaxis].astype(np.float32)
    np.clip(fitted, 0, 255, out=fitted)
    left = np.subtract(target, fitted, out=fitted)
    # Behind a cut-off white anything lighter may hide, and behind a cut-off black anything darker.
    np.minimum(left, np.where(source >= WHITE, np.float32(0), np.float32(np.inf)), out=left)
    np.maximum(left, np.where(source <= BLACK, np.float32(0), np.float32(-np.inf)), out=left)
    # Summed as whole 256ths, which stay below 2**24 and so have one sum in any order of adding: one value everywhere.
    left *= 256
    np.rint(left, out=left)
    cells = left.reshape(len(left), SIDE // CELL, CELL, SIDE).sum(axis=2) @ _POOL
    worst: _Floats = np.abs(cells).max(axis=(1, 2)) / np.float32(256 * CELL**2)
    worst *= np.maximum(1.0, _CONTRAST / np.sqrt(np.maximum(target_variance, 1.0))).astype(np.float32)
    worst[(gain < GAINS[0]) | (gain > GAINS[1])] = np.inf
    return worst
