"""How many images of each taxon a target allows: parts of it by a power of what there is."""

from __future__ import annotations

from collections.abc import Mapping


def tempered(counts: Mapping[str, int], target: int, power: float, most: int = 0, least: int = 0) -> dict[str, int]:
    """Return the quota of each taxon: c x n^power, at most what it has and `most`, at least its first `least`.

    `counts`: images by taxon, n above 0. `target`: the sum that the quotas have where the taxa can give it; the factor
    c is the one that fits, and what rounding leaves goes to the largest remainders, among equals to the smaller key.
    `most`: 0 is no cap. Where the floors alone are more than the target, they are what is returned.

    >>> tempered({"a": 100, "b": 10, "c": 1}, 20, 0.5)
    {'a': 14, 'b': 5, 'c': 1}
    >>> tempered({"a": 100, "b": 10, "c": 1}, 30, 0.0, least=5)
    {'a': 19, 'b': 10, 'c': 1}
    """
    ceiling = {taxon: min(count, most) if most else count for taxon, count in counts.items()}
    floor = {taxon: min(count, least) for taxon, count in ceiling.items()}
    # Rounded, as the last bit of a power may differ between machines.
    part = {count: round(count**power, 9) for count in set(counts.values())}
    if sum(ceiling.values()) <= target:
        return ceiling
    if sum(floor.values()) >= target:
        return floor
    factor = _factor(counts, part, ceiling, floor, target)
    exact = {taxon: min(max(factor * part[count], floor[taxon]), ceiling[taxon]) for taxon, count in counts.items()}
    quota = {taxon: int(value + 1e-9) for taxon, value in exact.items()}
    left = target - sum(quota.values())
    for taxon in sorted(exact, key=lambda each: (round(quota[each] - exact[each], 6), each)):
        if left <= 0:
            break
        if quota[taxon] < ceiling[taxon]:
            quota[taxon] += 1
            left -= 1
    return quota


def _factor(
    counts: Mapping[str, int],
    part: Mapping[int, float],
    ceiling: Mapping[str, int],
    floor: Mapping[str, int],
    target: int,
) -> float:
    """Return the factor by which the bounded parts sum to the target, found by halving, as the sum grows with it."""
    kinds: dict[tuple[float, int, int], int] = {}
    for taxon, count in counts.items():
        kind = part[count], floor[taxon], ceiling[taxon]
        kinds[kind] = kinds.get(kind, 0) + 1
    low, high = 0.0, max(top / size for size, _, top in kinds) + 1
    for _ in range(200):
        middle = (low + high) / 2
        reached = sum(many * min(max(middle * size, least), top) for (size, least, top), many in kinds.items())
        low, high = (middle, high) if reached < target else (low, middle)
    return high
