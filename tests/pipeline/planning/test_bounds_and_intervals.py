"""What a plan says of kept images holds: exact bounds by enumeration, intervals over drawn populations."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.planning.exact_bounds import poisson_upper, population_bounds
from pipeline.planning.kept_interval import Stratum, by_sample, uncertain
from pipeline.planning.sampled_bytes import estimate


def chance(found: int, sample: int, kind: int, population: int) -> float:
    return math.comb(kind, found) * math.comb(population - kind, sample - found) / math.comb(population, sample)


@given(st.integers(1, 30), st.data())
@settings(max_examples=60)
def test_bounds_of_a_population_miss_as_seldom_as_is_said(population: int, data: st.DataObject) -> None:
    sample = data.draw(st.integers(0, population))
    kind = data.draw(st.integers(0, population))
    alpha = data.draw(st.sampled_from([0.025, 0.005, 0.2]))
    below = above = 0.0
    for found in range(max(0, sample - (population - kind)), min(sample, kind) + 1):
        low, high = population_bounds(found, sample, population, alpha)
        assert found <= low <= high <= population - (sample - found)
        below += chance(found, sample, kind, population) * (kind < low)
        above += chance(found, sample, kind, population) * (kind > high)
    assert below <= alpha + 1e-9
    assert above <= alpha + 1e-9


def test_bounds_are_no_wider_than_they_must_be() -> None:
    """The number one beyond a bound would have made the sample as unlikely as is said."""
    low, high = population_bounds(40, 100, 1000, 0.025)
    assert sum(chance(found, 100, low - 1, 1000) for found in range(40, 101)) <= 0.025
    assert sum(chance(found, 100, high + 1, 1000) for found in range(41)) <= 0.025


@given(st.integers(0, 60), st.sampled_from([0.025, 0.001]))
@settings(max_examples=40)
def test_a_mean_above_the_poisson_bound_gives_so_few_events_as_seldom_as_is_said(found: int, alpha: float) -> None:
    mean = poisson_upper(found, alpha)
    few = math.fsum(math.exp(-mean + k * math.log(mean) - math.lgamma(k + 1)) for k in range(found + 1))
    assert few == pytest.approx(alpha, rel=1e-3)
    assert poisson_upper(found, alpha) < poisson_upper(found + 0.5, alpha) < poisson_upper(found + 1, alpha)


def drawn(random: np.random.Generator, sizes: dict[str, int], fails: float, groups: list[int], conflict: bool) -> float:
    """Draw a population with groups of copies; return which share of samples of it gave an interval that holds."""
    source = np.repeat(list(sizes), list(sizes.values()))
    number = len(source)
    alone = random.random(number) < fails
    group = np.full(number, -1)
    free = random.permutation(number)
    for place, size in enumerate(groups):
        group[free[:size]], free = place, free[size:]
    kept = 0
    for members in (group == -1, *(group == place for place in range(len(groups)))):
        arrived = int((members & ~alone).sum())
        one = group[members][0] == -1 if members.any() else True
        kept += arrived if one or arrived < 2 else 0 if conflict else 1
    held = 0
    for _ in range(40):
        strata, sampled = {}, np.zeros(number, bool)
        for name in sizes:
            rows = np.flatnonzero(source == name)
            sampled[random.permutation(rows)[: max(1, len(rows) // 3)]] = True
        together = Counter(group[sampled & ~alone & (group >= 0)].tolist())
        alike = []
        for place, seen in together.items():
            if seen > 1:
                within = sampled & ~alone & (group == place)
                alike.append(dict(Counter(source[within].tolist())))
        for name in sizes:
            rows = (source == name) & sampled
            single = int((rows & ~alone).sum())
            strata[name] = Stratum(int((source == name).sum()), int(rows.sum()), single, single)
        interval = by_sample(strata, alike, 0, [number], 0)
        held += interval.low <= kept <= interval.high
    return held / 40


@pytest.mark.parametrize("conflict", [False, True], ids=["one of each is kept", "none is kept"])
@pytest.mark.parametrize("groups", [[], [2] * 40, [3] * 30, [2] * 150, [30, 30, 2, 2], [5] * 60], ids=str)
def test_the_interval_holds_for_populations_with_copies_of_any_form(groups: list[int], conflict: bool) -> None:
    random = np.random.default_rng(7)
    assert drawn(random, {"a": 400, "b": 150, "c": 30}, 0.1, groups, conflict) >= 0.95


def test_a_whole_sample_leaves_no_doubt_and_a_small_one_says_little() -> None:
    whole = by_sample({"a": Stratum(50, 50, 45, 40)}, [{"a": 2}] * 5, 9, [50], 0)
    assert (whole.low, whole.high, whole.confidence) == (40, 40, 1.0)
    small = by_sample({"a": Stratum(1_000_000, 100, 90, 90)}, [], 0, [1_000_000], 0)
    assert small.low == 0
    assert 900_000 < small.high < 1_000_000
    large = by_sample({"a": Stratum(1_000_000, 20_000, 18_000, 18_000)}, [], 0, [1_000_000], 0)
    assert large.low > 860_000


@given(st.lists(st.integers(1, 50), min_size=1, max_size=20), st.integers(0, 20), st.data())
def test_a_cap_bounds_what_is_kept_whichever_images_survive(taxa: list[int], cap: int, data: st.DataObject) -> None:
    survive = [data.draw(st.integers(0, number)) for number in taxa]
    kept = sum(min(number, cap) if cap else number for number in survive)
    interval = uncertain(taxa, cap)
    assert interval.low <= kept <= interval.high
    whole = Stratum(sum(taxa), sum(taxa), sum(survive), sum(survive))
    known = by_sample({"a": whole}, [], 0, taxa, cap)
    assert known.low <= kept <= known.high


def test_sources_without_candidates_are_no_sample_of_nothing() -> None:
    interval = by_sample({"a": Stratum(10, 5, 5, 5), "b": Stratum(0, 0, 0, 0)}, [], 0, [10], 0)
    assert 0 <= interval.low <= interval.high == 10


@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=30), st.integers(0, 500))
def test_bytes_of_a_population_lie_between_their_bounds(sizes: list[int], more: int) -> None:
    told = estimate(np.asarray(sizes, np.float64), len(sizes) + more)
    assert 0 <= told.low <= told.value <= told.high
    if not more:
        assert told.low == told.value == told.high == sum(sizes)
