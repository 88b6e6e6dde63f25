"""Unite taxonomies in order of priority: a later source only adds, and never changes what an earlier one says.

Two accepted usages are one taxon when their canonical names are equal, their kingdoms do not differ, their ranks are
compatible, and author and classification do not speak against it. Homonyms inside one source stay apart; so does a name
that fits several taxa of the earlier sources equally well. The design follows the merge of the Catalogue of Life's
extended release (base release, then sources in order of priority).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from taxonomy.lineage import MAXIMUM_DEPTH, Rows
from taxonomy.links import Linked
from taxonomy.pairs import MINIMUM, Ints, Traits, join, judge, traits
from taxonomy.readers.schema import Issues

Bools = npt.NDArray[np.bool_]


@dataclass
class Merged:
    """All usages of all sources, and which of them stand for which."""

    table: pa.Table
    """USAGE_SCHEMA of all sources, source after source."""
    keep: Bools
    """Rows that are usages of the united taxonomy."""
    stands_for: Rows
    """Row of the united taxonomy that a row became: itself when kept; -1 when it was left out."""
    parent: Rows
    accepted: Rows
    """Links of the kept rows, to kept rows."""
    levels: npt.NDArray[np.int16]
    issues: list[Issues] = field(default_factory=list)


def merge(sources: list[Linked]) -> Merged:
    """Unite linked sources, the first one first."""
    features = traits(sources)
    total = sum(each.table.num_rows for each in sources)
    merged = Merged(
        pa.concat_tables([each.table for each in sources]).combine_chunks(),
        np.zeros(total, dtype=bool),
        np.full(total, -1, dtype=np.int32),
        np.full(total, -1, dtype=np.int32),
        np.full(total, -1, dtype=np.int32),
        np.concatenate([each.levels() for each in sources]),
        [each.issues for each in sources],
    )
    start = 0
    for each in sources:
        _add(merged, features, each, start)
        start += each.table.num_rows
    return merged


def _add(merged: Merged, features: Traits, source: Linked, start: int) -> None:
    count = source.table.num_rows
    rows = np.arange(start, start + count, dtype=np.int64)
    parent = np.where(source.parent >= 0, source.parent.astype(np.int64) + start, -1)
    accepted = np.where(source.accepted >= 0, source.accepted.astype(np.int64) + start, -1)
    own = accepted == rows
    before = np.flatnonzero(merged.keep & (merged.accepted >= 0)).astype(np.int64)

    taxa = rows[own]
    twin = _twins(merged, features, taxa, before, source)
    merged.stands_for[taxa] = np.where(twin >= 0, twin, taxa)
    new = taxa[twin < 0]
    merged.keep[new], merged.accepted[new] = True, new
    above = parent[new - start]
    merged.parent[new] = np.where(above >= 0, merged.stands_for[above], -1)
    _fill_roots(merged, taxa[twin >= 0], parent, start)

    synonyms = rows[~own & (accepted >= 0)]
    _add_synonyms(merged, features, synonyms, accepted[synonyms - start], before, source)
    lost = rows[accepted < 0]
    # A synonym that leads nowhere is kept, so that its name is known, and known to be unresolved.
    fresh = ~np.isin(features.name[lost], features.name[before])
    merged.keep[lost[fresh]], merged.stands_for[lost[fresh]] = True, lost[fresh]


def _twins(merged: Merged, features: Traits, taxa: Ints, before: Ints, source: Linked) -> Ints:
    """Give, for every accepted usage, the accepted usage of the earlier sources that it is, or -1."""
    twins = np.full(len(taxa), -1, dtype=np.int64)
    left, right = join(features, taxa, before)
    if len(left) == 0:
        return twins
    points, _ = judge(features, left, right)
    target = merged.accepted[right].astype(np.int64)
    direct = target == right
    order = np.lexsort((right, ~direct, -points, left))
    left, target, points, direct = left[order], target[order], points[order], direct[order]
    best = np.ones(len(left), dtype=bool)
    best[1:] = left[1:] != left[:-1]
    at = np.flatnonzero(best)
    # The next pair of the same row with as many points and another taxon: nothing decides between them.
    tied = np.zeros(len(left), dtype=bool)
    tied[at] = [_is_tied(int(i), left, target, points, direct) for i in at]
    issues = source.issues
    names = merged.table["usage_id"]
    chosen = at[(points[at] >= MINIMUM) & ~tied[at]]
    for i in at[(points[at] < MINIMUM) | tied[at]].tolist():
        issues.add("homonym_kept_apart", names[int(left[i])].as_py())
    # Two homonyms of one source never become one taxon: the better one is it, the other one stays apart.
    chosen = chosen[np.lexsort((left[chosen], -points[chosen], ~direct[chosen], target[chosen]))]
    first = np.ones(len(chosen), dtype=bool)
    first[1:] = target[chosen][1:] != target[chosen][:-1]
    for i in chosen[~first & direct[chosen]].tolist():
        issues.add("homonym_kept_apart", names[int(left[i])].as_py())
    for i in chosen[~direct[chosen]].tolist():
        issues.add("accepted_here_synonym_in_earlier_source", names[int(left[i])].as_py())
    chosen = chosen[first | ~direct[chosen]]
    twins[np.searchsorted(taxa, left[chosen])] = target[chosen]
    return twins


def _is_tied(i: int, left: Ints, target: Ints, points: Ints, direct: Bools) -> bool:
    j = i + 1
    while j < len(left) and left[j] == left[i] and points[j] == points[i] and direct[j] == direct[i]:
        if target[j] != target[i]:
            return True
        j += 1
    return False


def _fill_roots(merged: Merged, taxa: Ints, parent: Ints, start: int) -> None:
    """Hang earlier taxa that had no parent where a later source places them, or what they hold.

    A list of mammals that starts at orders gets its class and kingdom from a later source; where that source lacks the
    order, from where it places the families. The deepest place that stands above the root wins.
    """
    above = parent[taxa - start]
    taxa, above = taxa[above >= 0], above[above >= 0]
    twin = merged.stands_for[taxa].astype(np.int64)
    root = _roots(merged.parent, twin)
    higher = merged.stands_for[above].astype(np.int64)
    level = merged.levels[higher]
    fits = (level > 0) & (level < merged.levels[root]) & (_roots(merged.parent, higher) != root)
    root, higher, level = root[fits], higher[fits], level[fits]
    order = np.lexsort((higher, -level.astype(np.int64), root))
    root, higher = root[order], higher[order]
    first = np.ones(len(root), dtype=bool)
    first[1:] = root[1:] != root[:-1]
    merged.parent[root[first]] = higher[first]


def _roots(parent: Rows, rows: Ints) -> Ints:
    """Give the root above each row."""
    at = rows
    for _ in range(MAXIMUM_DEPTH):
        up = parent[at]
        if not (up >= 0).any():
            break
        at = np.where(up >= 0, up, at)
    return at


def _add_synonyms(
    merged: Merged, features: Traits, synonyms: Ints, accepted: Ints, before: Ints, source: Linked
) -> None:
    target = merged.stands_for[accepted].astype(np.int64)
    left, right = join(features, synonyms, before)
    _, author = judge(features, left, right)
    place = np.searchsorted(synonyms, left)
    same = merged.accepted[right] == target[place]
    known = np.full(len(synonyms), -1, dtype=np.int64)
    known[place[same][::-1]] = right[same][::-1]  # the first of several wins
    refused = np.zeros(len(synonyms), dtype=bool)
    # The earlier source knows the name for another taxon; only another author makes it another name.
    refused[place[~same & (author[: len(same)] >= 0)]] = True
    refused &= known < 0
    for row in synonyms[refused].tolist():
        source.issues.add("synonym_of_another_taxon_in_earlier_source", merged.table["usage_id"][row].as_py())
    merged.stands_for[synonyms] = np.where(known >= 0, known, np.where(refused, -1, synonyms))
    new = (known < 0) & ~refused
    merged.keep[synonyms[new]] = True
    merged.accepted[synonyms[new]] = target[new]
