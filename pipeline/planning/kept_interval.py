"""How many images a run keeps, as an interval: certain without a sample, and at 95 % with one.

What ends an image by itself (a host that has it not, a damaged file, a leak) is as frequent among all candidates as in
a random sample of them. What ends it beside another one is not: of two copies a sample of a tenth holds both once in a
hundred times, so that copies in the sample say little, and their absence less. Both bounds take that into account:

-   at most as many are kept as arrive and are no loss by themselves, by the exact upper bound of each source
-   at least so many, less all that may have a copy. A row that has one is in the sample together with it at a
    probability of f_s * f at least (f_s: the sampled share of its source, f: the least of all sources), so the rows
    that were seen together, weighted by the inverse, tell how many have a copy. They come in groups, so the bound is
    the scaled Poisson one for weighted counts (Bohm & Zech, Nucl. Instrum. Methods A 748, 2014), whose scale is never
    less than the weight of one pair. Of labels that contradict each other none is kept, so none of these rows counts.

An error rate of 5 % is divided among the bounds of all sources and of the copies, so that all hold at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.planning.exact_bounds import poisson_upper, population_bounds
from pipeline.planning.plan_facts import Kept

CONFIDENCE = 0.95
CERTAIN = "what hosts give, placeholders and duplicates are known once they are fetched; --sample N tells more"
WHOLE = "every candidate was sampled"
BY_SAMPLE = "bounds by source; copies are told by those that the sample holds together, few where it is small"


@dataclass(frozen=True, slots=True)
class Stratum:
    """The sample of one source."""

    candidates: int
    sampled: int
    single: int
    """Of these, how many no loss ended that is theirs alone: kept, or ended beside another image."""
    kept: int


def uncertain(counts: Sequence[int], cap: int) -> Kept:
    """Return the interval without a sample: from none to all candidates; `counts`: of the accepted taxa.

    >>> uncertain([5, 1], 3).high
    4
    """
    return Kept(0, _capped_most(np.asarray(counts, np.int64), cap), None, 1.0, CERTAIN + _capped(cap))


def by_sample(
    strata: Mapping[str, Stratum],
    alike: Sequence[Mapping[str, int]],
    occurrence: int,
    counts: Sequence[int],
    cap: int,
) -> Kept:
    """Return the interval by a sample of each source.

    `alike`: groups of sampled images that are the same, by source; `occurrence`: rows at most that end as others of a
    leaking occurrence; `counts`: candidates of the accepted taxa, of which at most `cap` (0: all) are kept.

    >>> kept = by_sample({"a": Stratum(1000, 800, 720, 712)}, [{"a": 2}] * 8, 0, [1000], 0)
    >>> kept.low < 890 < kept.high, kept.estimate
    (True, 890)
    """
    taxa = np.asarray(counts, np.int64)
    sampled = [each for each in strata.values() if each.candidates]
    if all(each.sampled == each.candidates for each in sampled):
        kept = sum(each.kept for each in sampled)
        low, high = _capped_least(taxa, cap, kept), min(kept, _capped_most(taxa, cap))
        return Kept(low, high, high if low == high else None, 1.0, WHOLE)
    alpha = error_rate(len(sampled))
    bounds = [population_bounds(each.single, each.sampled, each.candidates, alpha) for each in sampled]
    low = max(0, int(sum(low for low, _ in bounds) - copied(strata, alike, alpha) - occurrence))
    high = sum(high for _, high in bounds)
    value = round(sum(each.candidates * each.kept / each.sampled for each in sampled if each.sampled))
    most = _capped_most(taxa, cap)
    return Kept(_capped_least(taxa, cap, low), min(high, most), min(value, most), CONFIDENCE, BY_SAMPLE + _capped(cap))


def copied(strata: Mapping[str, Stratum], alike: Sequence[Mapping[str, int]], alpha: float) -> float:
    """Return how many candidates have a copy among the others, at most.

    >>> few = copied({"a": Stratum(100, 50, 50, 50)}, [], 0.025)
    >>> round(few, 1) == round(2 / 0.5**2 * 3.689, 1), copied({"a": Stratum(100, 50, 50, 49)}, [{"a": 2}], 0.025) > few
    (True, True)
    """
    shares = {source: each.sampled / each.candidates for source, each in strata.items() if each.candidates}
    least = min(shares.values())
    if not least:
        return float(sum(each.candidates for each in strata.values()))
    weights = [sum(number / (shares[source] * least) for source, number in group.items()) for group in alike]
    pair = 2 / least**2
    scale = max(pair, sum(each**2 for each in weights) / sum(weights)) if weights else pair
    return scale * poisson_upper(sum(weights) / scale, alpha)


def error_rate(sources: int) -> float:
    """Return how often each bound may fail: two of every source, one of its leaks, and one of all pairs.

    >>> error_rate(3)
    0.005
    """
    return round((1 - CONFIDENCE) / (3 * sources + 1), 9)


def _capped(cap: int) -> str:
    return f"; of a taxon at most {cap:,}" if cap else ""


def _capped_most(taxa: np.ndarray[tuple[int], np.dtype[np.int64]], cap: int) -> int:
    return int(np.minimum(taxa, cap).sum() if cap else taxa.sum())


def _capped_least(taxa: np.ndarray[tuple[int], np.dtype[np.int64]], cap: int, images: int) -> int:
    """Return how many of so many images a cap leaves at least: as if they were of the largest taxa."""
    if not cap:
        return images
    ordered = np.sort(taxa)[::-1]
    before = np.concatenate([[0], np.cumsum(ordered)])
    here = np.clip(images - before[:-1], 0, ordered)
    return int(np.minimum(here, cap).sum())
