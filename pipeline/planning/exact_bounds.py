"""Exact bounds on what a population holds, from a sample that was drawn of it without replacement.

Hypergeometric where a sample is of a finite population (of a sample that is all of it nothing is left to chance), and
Poisson for rare events. Both by inverting the test, so that the bounds hold at least as often as is said.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np


def population_bounds(found: int, sample: int, population: int, alpha: float) -> tuple[int, int]:
    """Return between which numbers lie the members of a kind in a population, of a sample in which some were found.

    Each bound fails with a probability of at most `alpha`.

    >>> population_bounds(3, 10, 10, 0.025), population_bounds(0, 0, 7, 0.025)
    ((3, 3), (0, 7))
    >>> population_bounds(50, 100, 10_000, 0.025)
    (3989, 6011)
    """
    if sample == 0:
        return 0, population
    # The lower bound is the least number for which so many or more in the sample are not too unlikely.
    low = _first(found, population - (sample - found), lambda k: _tail(found, sample, k, population) > alpha)
    # What is not of the kind has a lower bound, too.
    other = sample - found
    least = _first(other, population - found, lambda k: _tail(other, sample, k, population) > alpha)
    return low, population - least


def poisson_upper(found: float, alpha: float) -> float:
    """Return the largest mean for which so few events or fewer have a probability of at least `alpha`.

    Between whole numbers it is interpolated, for counts that were weighted.

    >>> round(poisson_upper(0, 0.025), 3), round(poisson_upper(5, 0.025), 2)
    (3.689, 11.67)
    """
    whole = math.floor(found)
    below = _upper_of(whole, alpha)
    return below + (found - whole) * (_upper_of(whole + 1, alpha) - below) if found > whole else below


def _upper_of(found: int, alpha: float) -> float:
    low, high = 0.0, found + 10 * math.sqrt(found + 10) + 20
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _few(found, middle) > alpha else (low, middle)
    return high


def _few(found: int, mean: float) -> float:
    """Return the probability of at most so many events of a Poisson distribution with a mean above 0."""
    k = np.arange(1, found + 1, dtype=np.float64)
    logs = np.concatenate([[0.0], np.cumsum(np.log(mean) - np.log(k))]) - mean
    return float(np.exp(logs).sum())


def _tail(found: int, sample: int, kind: int, population: int) -> float:
    """Return the probability of finding so many or more in a sample, where the population holds `kind` of them."""
    least, most = max(0, sample - (population - kind)), min(sample, kind)
    if found <= least:
        return 1.0
    if found > most:
        return 0.0
    k = np.arange(least, most, dtype=np.float64)
    steps = np.log(kind - k) + np.log(sample - k) - np.log(k + 1) - np.log(population - kind - sample + k + 1)
    logs = np.concatenate([[0.0], np.cumsum(steps)])
    weights = np.exp(logs - logs.max())
    return float(weights[found - least :].sum() / weights.sum())


def _first(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """Return the first number from `low` to `high` that holds, where all after it do."""
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low
