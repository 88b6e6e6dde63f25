"""Find, for every taxon of a later source, the taxon of the earlier sources that it is.

Three kinds of evidence, the strongest first: a crosswalk says so; both bear the same name, as an accepted name or as a
synonym of the earlier taxon; or a synonym of the later taxon is a name of the earlier one. Whatever fits several taxa
equally well is left apart and counted: two taxa that are one are a nuisance, one taxon that is two is an error.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from taxonomy.build.links import Linked
from taxonomy.build.pairs import MINIMUM, Ints, Traits, join, judge
from taxonomy.build.separation import separated

Bools = npt.NDArray[np.bool_]
_CLAIMED = 1_000
"""Points of a pair that a crosswalk calls the same: more than names, authors and classification can bring together."""
_CLEAR = ("accepted", "provisional", "doubtful", "synonym")
"""Statuses of names that mean one taxon."""


@dataclass(frozen=True)
class Known:
    """The united taxonomy so far, by rows of the merge."""

    rows: Ints
    """Kept usages that lead to an accepted one."""
    accepted: npt.NDArray[np.int32]
    table: pa.Table


@dataclass(frozen=True)
class Aligned:
    """What became of the taxa of one source."""

    twin: Ints
    """Row of the earlier taxon that each is, or -1."""
    renamed: Bools
    """Taxa whose own name the earlier sources do not know: it becomes a synonym of the earlier taxon."""


def align(known: Known, features: Traits, taxa: Ints, synonyms: Ints, owners: Ints, source: Linked) -> Aligned:
    """Align the accepted usages `taxa` (sorted) of a source; `synonyms` are its other names, `owners` their taxa."""
    twin, contested = _by_name(known, features, taxa, source)
    by_name = twin >= 0
    free = ~by_name & ~contested
    found = _by_synonym(known, features, taxa, free, synonyms, owners, twin, source)
    twin = np.where(found >= 0, found, twin)
    fresh = ~np.isin(features.name[taxa], features.name[known.rows])
    return Aligned(twin, (twin >= 0) & fresh)


def _by_name(known: Known, features: Traits, taxa: Ints, source: Linked) -> tuple[Ints, Bools]:
    """Return the twins that bear the same name or are claimed, and which taxa have several or doubtful ones."""
    twins, contested = np.full(len(taxa), -1, dtype=np.int64), np.zeros(len(taxa), dtype=bool)
    left, right = join(features, taxa, known.rows)
    said_left, said_right = features.claims.pairs(taxa, known.rows[known.accepted[known.rows] == known.rows])
    left, right = np.concatenate([left, said_left]), np.concatenate([right, said_right])
    if len(left) == 0:
        return twins, contested
    target = known.accepted[right].astype(np.int64)
    said = features.claims.judge(left, target)
    left, right, target, said = left[said >= 0], right[said >= 0], target[said >= 0], said[said >= 0]
    points, _ = judge(features, left, right)
    points = points + _CLAIMED * said
    direct: Bools = target == right
    order = np.lexsort((right, features.name[left] != features.name[right], ~direct, -points, left))
    left, right, target, points, direct = left[order], right[order], target[order], points[order], direct[order]
    best = np.ones(len(left), dtype=bool)
    best[1:] = left[1:] != left[:-1]
    at = np.flatnonzero(best)
    # The next pair of the same row with as many points and another taxon: nothing decides between them.
    tied = np.zeros(len(left), dtype=bool)
    tied[at] = [_is_tied(int(i), left, target, points, direct) for i in at]
    chosen = at[(points[at] >= MINIMUM) & ~tied[at]]
    apart = at[(points[at] < MINIMUM) | tied[at]]
    # Two homonyms of one source never become one taxon: the better one is it, the other one stays apart.
    chosen = chosen[np.lexsort((left[chosen], -points[chosen], ~direct[chosen], target[chosen]))]
    first = np.ones(len(chosen), dtype=bool)
    first[1:] = target[chosen][1:] != target[chosen][:-1]
    claimed = points[chosen] >= _CLAIMED // 2
    second = chosen[~first & direct[chosen] & ~claimed]
    apart = np.concatenate([apart, second])
    source.issues.add_all("homonym_kept_apart", source.ids(_own(source, left[apart], taxa)))
    lower = chosen[~direct[chosen]]
    source.issues.add_all("accepted_here_synonym_in_earlier_source", source.ids(_own(source, left[lower], taxa)))
    chosen = chosen[first | ~direct[chosen] | claimed]
    twins[np.searchsorted(taxa, left[chosen])] = target[chosen]
    contested[np.searchsorted(taxa, left[apart])] = True
    return twins, contested


def _own(source: Linked, rows: Ints, taxa: Ints) -> npt.NDArray[np.int32]:
    """Return the rows within the source: its taxa are its accepted usages, in their order."""
    own = np.flatnonzero(source.accepted == np.arange(len(source.accepted)))
    found: npt.NDArray[np.int32] = own[np.searchsorted(taxa, rows)].astype(np.int32)
    return found


def _is_tied(i: int, left: Ints, target: Ints, points: Ints, direct: Bools) -> bool:
    j = i + 1
    while j < len(left) and left[j] == left[i] and points[j] == points[i] and direct[j] == direct[i]:
        if target[j] != target[i]:
            return bool(points[i] < _CLAIMED // 2)
        j += 1
    return False


def _clear(table: pa.Table, rows: Ints) -> Bools:
    status = table["status"].take(pa.array(rows))
    found: Bools = pc.is_in(status, value_set=pa.array(_CLEAR)).to_numpy(zero_copy_only=False).astype(bool)
    return found


def _by_synonym(
    known: Known,
    features: Traits,
    taxa: Ints,
    free: Bools,
    synonyms: Ints,
    owners: Ints,
    twin: Ints,
    source: Linked,
) -> Ints:
    """Return the earlier taxon that one of a taxon's synonyms names, where it is the only one and nobody else's twin."""
    found = np.full(len(taxa), -1, dtype=np.int64)
    place = np.searchsorted(taxa, owners)
    usable = free[place] & _clear(known.table, synonyms)
    before = known.rows[_clear(known.table, known.rows)]
    left, right = join(features, synonyms[usable], before)
    if len(left) == 0:
        return found
    points, author = judge(features, left, right)
    at = np.searchsorted(synonyms, left)
    taxon, target = owners[at], known.accepted[right].astype(np.int64)
    fits = (author >= 0) & (points >= 0) & ~np.isin(target, twin[twin >= 0])
    a, b = features.group[taxon], features.group[target]
    fits &= (a == b) | ((a >= 70) & (b >= 70))
    fits &= ~separated(features.major[taxon], features.major[target])
    fits &= features.claims.judge(taxon, target) >= 0
    taxon, target, points = taxon[fits], target[fits], points[fits] * 2 + (right == known.accepted[right])[fits]
    order = np.lexsort((target, -points, taxon))
    taxon, target, points = taxon[order], target[order], points[order]
    first = np.ones(len(taxon), dtype=bool)
    first[1:] = taxon[1:] != taxon[:-1]
    torn: set[int] = set()
    best: dict[int, tuple[int, int]] = {}
    for own, other, worth, new in zip(taxon.tolist(), target.tolist(), points.tolist(), first.tolist(), strict=True):
        if new:
            best[own] = (other, worth)
        elif best[own][0] != other and best[own][1] == worth:
            torn.add(own)
    source.issues.add_all(
        "synonyms_name_several_taxa", source.ids(_own(source, np.array(sorted(torn), dtype=np.int64), taxa))
    )
    suitors: dict[int, list[tuple[int, int]]] = {}
    for own, (other, worth) in best.items():
        if own not in torn:
            suitors.setdefault(other, []).append((-worth, own))
    for other, each in suitors.items():
        each.sort()
        # Two later taxa that both claim the name: it was divided there, and neither is the whole of it.
        if len(each) == 1 or each[0][0] < each[1][0]:
            found[np.searchsorted(taxa, each[0][1])] = other
    return found
