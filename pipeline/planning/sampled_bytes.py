"""Bytes of all media and images of a source, reckoned from those of a sample.

Where a source declares the size of all its media, bytes are reckoned by pixel (a ratio estimate), else by candidate.
What did not arrive has no bytes, in the sample as in the whole. The interval is that of the mean at 95 %, normal, with
the correction for a finite population.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from pipeline.planning.plan_facts import Range
from pipeline.planning.volume import SAMPLED, Measured
from pipeline.storage import database as sql
from pipeline.storage.run_folder import RunFolder
from pipeline.storage.statements import Statements

if TYPE_CHECKING:
    import duckdb

Numbers = np.ndarray[tuple[int], np.dtype[np.float64]]
_SQL = Statements(__name__)
_NORMAL = 1.96


def sampled_bytes(con: duckdb.DuckDBPyConnection, sample: RunFolder) -> Mapping[str, Measured]:
    """Return what a sample's media say of each source, of the tables `planned` and `planned_media` of a connection.

    `sample`: the folder of the sample's run, its stage fetch done.
    """
    candidates = sql.parquet(sample.stage("screen") / "candidates")
    media = sql.parquet(sample.stage("fetch") / "media")
    seen = {
        row[0]: tuple(np.asarray(each, np.float64) for each in row[1:])
        for row in con.execute(_SQL("sampled", candidates=candidates, media=media)).fetchall()
    }
    found = {}
    for row in con.execute(_SQL("whole", candidates=candidates)).fetchall():
        source, images, declared, pixels, within = row
        if source in seen:
            sizes, sampled_pixels, kept = seen[source]
            fetched = by_pixels(sizes, images, sampled_pixels, pixels, within) if declared else estimate(sizes, images)
            found[source] = Measured(fetched, estimate(kept, images), SAMPLED)
    return found


def by_pixels(sizes: Numbers, images: int, sampled: Numbers, pixels: float, within: float) -> Range:
    """Return the bytes of media by their pixels; the bounds also hold where some declare too many of them.

    `sizes`, `sampled`: bytes and pixels of those that were seen. `images`: how many there are of all, with `pixels`
    together, and `within` where none counts for more than the largest that was seen.
    """
    by_pixel, all_pixels, by_medium = (
        estimate(sizes, images, sampled, within),
        estimate(sizes, images, sampled, pixels),
        estimate(sizes, images),
    )
    low = min(by_pixel.low, by_medium.low)
    return Range(low, by_pixel.value, max(by_pixel.high, all_pixels.high, by_medium.high))


def estimate(sizes: Numbers, population: int, per: Numbers | None = None, per_whole: float = 0.0) -> Range:
    """Return the sum over a population of sizes that were seen in a sample; `per`: what each is proportional to.

    >>> estimate(np.array([100.0, 100.0]), 10)
    Range(low=1000, value=1000, high=1000)
    >>> estimate(np.array([100.0, 300.0]), 4, np.array([1.0, 3.0]), 9.0)
    Range(low=900, value=900, high=900)
    """
    number = len(sizes)
    if per is not None and per.sum() > 0:
        ratio = sizes.sum() / per.sum()
        value, rest = ratio * per_whole, sizes - ratio * per
    else:
        value, rest = sizes.mean() * population, sizes - sizes.mean()
    if number < 2:
        return Range(0, round(value), round(10 * value)) if number < population else Range(*[round(value)] * 3)
    correction = max(0.0, 1 - number / population)
    error = _NORMAL * population * float(np.sqrt(correction * (rest**2).sum() / (number - 1) / number))
    return Range(max(0, round(value - error)), round(value), round(value + error))
