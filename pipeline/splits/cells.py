"""Cells on the earth, and which of them lie too near to those of another split."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pipeline.quotas.counted_rows import KILOMETRES

Degrees = npt.NDArray[np.float64]


def bounds_of(row: npt.NDArray[np.int64], column: npt.NDArray[np.int64], kilometres: float) -> npt.NDArray[np.float64]:
    """Return the bounds of cells in degrees: float64[n, 4], south, north, west, east (east may be 180 or less).

    `row`, `column`: int64[n], as the SQL of a cell numbers them: bands of latitude from the south pole, and in each a
    whole number of cells from the antimeridian on eastwards.

    >>> bounds_of(np.array([0]), np.array([0]), 10_000.0).round(1).tolist()
    [[-90.0, -0.1, -180.0, -60.0]]
    """
    degrees = kilometres / KILOMETRES
    south = row * degrees - 90
    middle = np.radians((row + 0.5) * degrees - 90)
    cells = np.maximum(1, np.round(360 / degrees * np.cos(middle)))
    width = 360 / cells
    west = column * width - 180
    return np.stack([south, south + degrees, west, west + width], axis=1)


def near(ours: npt.NDArray[np.float64], theirs: npt.NDArray[np.float64], kilometres: float) -> npt.NDArray[np.bool_]:
    """Return which of our cells may hold a point within a distance of a point in one of theirs: bool[n].

    `ours`, `theirs`: float64[n, 4] and float64[m, 4], as `bounds_of` gives them. Every pair of points that lie within
    the distance is found; of cells just beyond it some are, as the distance along a parallel is taken at the latitude
    where it is shortest. Near a pole everything within its reach is near.
    """
    found = np.zeros(len(ours), np.bool_)
    if not len(ours) or not len(theirs):
        return found
    reach = kilometres / KILOMETRES
    bands, band_of = np.unique(theirs[:, :2], axis=0, return_inverse=True)
    by_band = np.argsort(band_of, kind="stable")
    starts = np.searchsorted(band_of[by_band], np.arange(len(bands) + 1))
    our_bands, our_band_of = np.unique(ours[:, :2], axis=0, return_inverse=True)
    by_ours = np.argsort(our_band_of, kind="stable")
    our_starts = np.searchsorted(our_band_of[by_ours], np.arange(len(our_bands) + 1))
    for place, (south, north) in enumerate(our_bands):
        mine = by_ours[our_starts[place] : our_starts[place + 1]]
        close = np.flatnonzero((bands[:, 0] - north <= reach) & (south - bands[:, 1] <= reach))
        for band in close.tolist():
            other = theirs[by_band[starts[band] : starts[band + 1]]]
            furthest = min(max(abs(south), abs(north), *np.abs(bands[band])), 90.0)
            # The haversine bounds how far apart in longitude two near points are that lie no nearer to a pole.
            part = np.sin(np.radians(reach / 2)) / max(np.cos(np.radians(furthest)), 1e-12)
            width = 360.0 if part >= 1 else np.degrees(2 * np.arcsin(part)) + 1e-9
            found[mine] |= _overlaps(ours[mine, 2], ours[mine, 3], other[:, 2] - width, other[:, 3] + width)
    return found


def _overlaps(west: Degrees, east: Degrees, from_: Degrees, to: Degrees) -> npt.NDArray[np.bool_]:
    """Return which intervals of longitude meet one of some others, around the earth."""
    if (to - from_ >= 360).any():
        return np.ones(len(west), np.bool_)
    starts = np.concatenate([from_ - 360, from_, from_ + 360])
    ends = np.concatenate([to - 360, to, to + 360])
    order = np.argsort(starts, kind="stable")
    starts, ends = starts[order], np.maximum.accumulate(ends[order])
    place = np.searchsorted(starts, east, side="right") - 1
    return np.asarray((place >= 0) & (ends[np.maximum(place, 0)] >= west))
