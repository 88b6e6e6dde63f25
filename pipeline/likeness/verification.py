"""The one place where a pair of images with near hashes is verified, before one is called a copy of the other.

A hash sees 16 x 16 frequencies; two frames of one camera, with and without an animal, may agree in nearly all of them.
Their thumbnails do not: after one gain and one offset are fitted, the worst of 64 blocks still differs.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

UNKNOWN_RESIDUAL = -1.0
"""Residual of a pair of which one thumbnail is not at hand."""
_SIDE, _BLOCK = 64, 8
_STEP = 4096


def residuals(left: npt.NDArray[np.uint8], right: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Give the residual of each pair of thumbnails, in grey levels: float64[k], rounded to 3 digits.

    `left`, `right`: uint8[k, 4096], 64 x 64 luma. The right one is fitted to the left by least squares with one gain
    and one offset; the residual is the largest mean absolute difference among 8 x 8 blocks of 8 x 8 pixels.

    >>> ramp = np.tile(np.arange(64, dtype=np.uint8), 64)[np.newaxis]
    >>> residuals(ramp, ramp * 2 + 5).tolist()
    [0.0]
    """
    parts = []
    for start in range(0, len(left), _STEP):
        a = left[start : start + _STEP].astype(np.float64)
        b = right[start : start + _STEP].astype(np.float64)
        mean_a, mean_b = a.mean(axis=1, keepdims=True), b.mean(axis=1, keepdims=True)
        flat, other = a - mean_a, b - mean_b
        power = (other * other).sum(axis=1, keepdims=True)
        gain = np.divide((flat * other).sum(axis=1, keepdims=True), power, out=np.zeros_like(power), where=power > 0)
        apart = np.abs(flat - gain * other).reshape(-1, _SIDE // _BLOCK, _BLOCK, _SIDE // _BLOCK, _BLOCK)
        parts.append(apart.mean(axis=(2, 4)).reshape(len(a), -1).max(axis=1))
    return np.round(np.concatenate(parts), 3) if parts else np.empty(0)


def verified(residual: npt.NDArray[np.float64], largest: float, unknown: bool = True) -> npt.NDArray[np.bool_]:
    """Say which pairs are verified: bool[k]. `unknown`: what is said of pairs without a residual.

    >>> verified(np.array([1.0, 9.0, UNKNOWN_RESIDUAL]), 6.0).tolist()
    [True, False, True]
    """
    known = residual != UNKNOWN_RESIDUAL
    answer: npt.NDArray[np.bool_] = np.where(known, residual <= largest, unknown)
    return answer


def pair_residuals(left: list[bytes | None], right: list[bytes | None]) -> npt.NDArray[np.float64]:
    """Give the residuals of pairs of thumbnails of which some are missing: UNKNOWN_RESIDUAL for those.

    >>> pair_residuals([bytes(4096), None], [bytes(4096), bytes(4096)]).tolist()
    [0.0, -1.0]
    """
    answer = np.full(len(left), UNKNOWN_RESIDUAL)
    at = [i for i, (a, b) in enumerate(zip(left, right, strict=True)) if a is not None and b is not None]
    if at:
        a = np.frombuffer(b"".join(left[i] or b"" for i in at), np.uint8).reshape(len(at), -1)
        b = np.frombuffer(b"".join(right[i] or b"" for i in at), np.uint8).reshape(len(at), -1)
        answer[at] = residuals(a, b)
    return answer
