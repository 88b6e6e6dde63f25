"""A quick way to know that two thumbnails are no copies, for the many near pairs of a camera's frames.

`residuals` fits 4,096 points twice. Here a pair is refused from the means of its 256 cells: whatever gain and offset a
fit has, it is a straight line over grey levels, and of three cells whose levels lie in a row no line can come nearer to
all than half of what the middle one is off the line through its neighbours (de la Vallee-Poussin, "Lecons sur
l'approximation", 1919, chapter 6). Where that half is above the limit, the residual is. Cells count only if no allowed
fit that keeps within the limit cuts a point of theirs off at black or white, so that their mean is fitted as a line is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dedup.blocks import SIDE, Blocks, check_blocks
from dedup.errors import LikenessError
from dedup.verify import BLACK, CELL, GAINS, WHITE

_Floats = npt.NDArray[np.float32]
_CELLS = SIDE // CELL
_SLACK = np.float32(0.05)
"""Grey levels that rounding may take from a bound; residuals are rounded to less than a hundredth of one."""
_CHUNK = 64
"""Pairs bounded at a time: their arrays of 64 KB stay inside a core's cache."""


@dataclass(frozen=True, slots=True)
class CellMeans:
    """What a bound needs of each thumbnail, by cell: float32[n, 256] each.

    `mean`: the cell's grey level. `spread`: what its brightest point is above its darkest; infinite where one of them
    is cut off at black or white.
    """

    mean: _Floats
    spread: _Floats


def cell_means(blocks: Blocks) -> CellMeans:
    """Return the cells of thumbnails, uint8[n, 64, 64].

    >>> page = np.tile(np.arange(64, dtype=np.uint8) * 3 + 8, (1, 64, 1))
    >>> cells = cell_means(page)
    >>> cells.mean[0, :2].tolist(), float(cells.spread.max())
    ([12.5, 24.5], 9.0)
    """
    check_blocks(blocks)
    low, high = _reduced(np.minimum, blocks), _reduced(np.maximum, blocks)
    spread = np.where((low > BLACK) & (high < WHITE), (high - low).astype(np.float32), np.float32(np.inf))
    return CellMeans(_reduced(np.add, blocks.astype(np.uint16)).astype(np.float32) / np.float32(CELL**2), spread)


def _reduced(function: np.ufunc, blocks: npt.NDArray[np.integer]) -> npt.NDArray[np.integer]:
    """Reduce the points of each cell to one: [n, 256]. Rows first, which are contiguous; then columns, four at once."""
    rows = function.reduce(blocks.reshape(len(blocks), _CELLS, CELL, SIDE), axis=2, dtype=blocks.dtype)
    answer: npt.NDArray[np.integer] = rows[:, :, 0::CELL].copy()
    for place in range(1, CELL):
        function(answer, rows[:, :, place::CELL], out=answer)
    return answer.reshape(len(blocks), -1)


def surely_above(
    limit: float, a: CellMeans, b: CellMeans, left: npt.NDArray[np.int64], right: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Return which pairs certainly have a residual above the limit: bool[k]; False says nothing.

    `left`, `right`: int64[k], rows of `a` and of `b`. LikenessError: as many of one as of the other are needed.

    >>> page = np.tile(np.arange(64, dtype=np.uint8) * 2 + 60, (2, 64, 1))
    >>> page[1, 24:32, 24:32] += 60
    >>> cells = cell_means(page)
    >>> surely_above(6.0, cells, cells, np.array([0, 0]), np.array([0, 1])).tolist()
    [False, True]
    """
    if len(left) != len(right):
        raise LikenessError(
            f"{len(left)} left ends stand beside {len(right)} right ones", expected="one of each per pair"
        )
    answer = np.zeros(len(left), np.bool_)
    for start in range(0, len(left), _CHUNK):
        one, other = left[start : start + _CHUNK], right[start : start + _CHUNK]
        found = _least(a.mean[one], a.spread[one], b.mean[other], limit) > limit + _SLACK
        # Most pairs are refused by the first fit, and need no other.
        rest = np.flatnonzero(~found)
        one, other = one[rest], other[rest]
        found[rest] = _least(b.mean[other], b.spread[other], a.mean[one], limit) > limit + _SLACK
        answer[start : start + _CHUNK] = found
    return answer


def _least(source: _Floats, spread: _Floats, target: _Floats, limit: float) -> _Floats:
    """Return a lower bound of the largest mean residual of a cell, for every fit of source to target in the limit."""
    margin = np.float32(GAINS[1]) * spread + np.float32(limit)
    counted = (target >= margin) & (target <= 255 - margin)
    number = np.maximum(counted.sum(axis=1, dtype=np.float32), 1)
    x, y = source * counted, target * counted
    mean_x, mean_y = x.sum(axis=1) / number, y.sum(axis=1) / number
    variance = np.maximum(np.einsum("ki,ki->k", x, x) / number - mean_x**2, 1e-3)
    gain = (np.einsum("ki,ki->k", x, y) / number - mean_x * mean_y) / variance
    # Any line serves to find cells that are far off it on both sides; the bound is the same for every line.
    off = (target - mean_y[:, None]) - gain[:, None] * (source - mean_x[:, None])
    return np.maximum(_bound(source, target, off, counted), _bound(source, -target, -off, counted))


def _bound(level: _Floats, target: _Floats, off: _Floats, counted: npt.NDArray[np.bool_]) -> _Floats:
    """Bound by the cell that is farthest above the line, and the lowest ones that are darker and brighter than it."""
    rows = np.arange(len(level))
    far = np.float32(np.inf)
    top = np.where(counted, off, -far).argmax(axis=1)
    middle = level[rows, top]
    low = np.where(counted, off, far)
    darker = np.where(level < middle[:, None], low, far).argmin(axis=1)
    brighter = np.where(level > middle[:, None], low, far).argmin(axis=1)
    before, behind = level[rows, darker], level[rows, brighter]
    between = counted[rows, top] & counted[rows, darker] & counted[rows, brighter]
    between &= (before < middle) & (behind > middle)
    share = (behind - middle) / np.where(between, behind - before, np.float32(1))
    above = target[rows, top] - share * target[rows, darker] - (1 - share) * target[rows, brighter]
    found: _Floats = np.where(between, above / 2, np.float32(0))
    return found
