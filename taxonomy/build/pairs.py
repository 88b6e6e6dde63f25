"""Find and judge pairs of usages that may be the same: the join under the merge."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from taxonomy.names.authors import compare_authorship
from taxonomy.build.claims import Claims, read_claims
from taxonomy.names.kingdoms import normalise_kingdom
from taxonomy.build.lineage import seven_ranks
from taxonomy.build.links import Linked, codes
from taxonomy.names.ranks import rank_group
from taxonomy.build.separation import major_groups, separated

Ints = npt.NDArray[np.int64]

SAME_AUTHOR, SAME_FAMILY, SAME_ORDER, SAME_CLASS, SAME_PHYLUM = 4, 3, 2, 1, 1
"""Points for agreement, and against disagreement, of what both usages state."""
MINIMUM = -3
"""Fewest points with which one name in two sources is taken for one taxon."""


@dataclass(frozen=True)
class Traits:
    """What usages are compared by, as numbers, over all sources."""

    name: Ints
    group: Ints
    """`rank_group`; 0: unranked."""
    classification: Ints
    """Codes of the names of kingdom ... species of the accepted taxon; -1: none."""
    authorship: list[str]
    major: npt.NDArray[np.int16]
    """Nearest major group of the accepted taxon; -1: none."""
    claims: Claims
    dictionary: pa.Array
    """The names that codes stand for."""


def traits(sources: list[Linked]) -> Traits:
    """Return the traits of all usages, source after source."""
    names = pa.chunked_array([chunk for each in sources for chunk in each.table["name"].chunks], pa.string())
    encoded = names.combine_chunks().dictionary_encode()
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    name = pc.fill_null(encoded.indices, -1).to_numpy().astype(np.int64)
    start = 0
    classification: list[Ints] = []
    major: list[npt.NDArray[np.int16]] = []
    for each in sources:
        ranks = seven_ranks(each.parent, each.slots(), each.levels())
        ranks = np.where(each.accepted[:, None] >= 0, ranks[each.accepted], -1)
        nearest = major_groups(each.table["name"], each.parent, each.levels())
        major.append(np.where(each.accepted >= 0, nearest[each.accepted], np.int16(-1)))
        own = name[start : start + each.table.num_rows]
        classification.append(np.where(ranks >= 0, own[ranks], -1))
        start += each.table.num_rows
    together = np.concatenate(classification)
    # Metazoa and Animalia are one kingdom: both get the code of the first such name.
    known: dict[str, int] = {}
    for code in np.unique(together[:, 0]).tolist():
        word = normalise_kingdom(encoded.dictionary[code].as_py()) if code >= 0 else None
        if word is not None:
            together[together[:, 0] == code, 0] = known.setdefault(word, code)
    if len(sources) == 1:
        nothing = Claims([])
        return Traits(name, np.zeros(len(name), dtype=np.int64), together, [], major[0], nothing, encoded.dictionary)
    authorship = [author or "" for each in sources for author in each.table["authorship"].to_pylist()]
    group = np.concatenate([codes(each.table["rank"], rank_group) for each in sources])
    claims = read_claims(sources)
    return Traits(name, group, together, authorship, np.concatenate(major), claims, encoded.dictionary)


def join(traits: Traits, left: Ints, right: Ints) -> tuple[Ints, Ints]:
    """Return all pairs of a left and a right row with the same name, in major groups and at ranks that allow it.

    Pairs that a source calls different taxa are left out.
    """
    order = np.argsort(traits.name[right], kind="stable")
    right = right[order]
    keys = traits.name[right]
    low = np.searchsorted(keys, traits.name[left], side="left")
    count = np.searchsorted(keys, traits.name[left], side="right") - low
    pairs_left = np.repeat(left, count)
    within = np.arange(len(pairs_left)) - np.repeat(np.cumsum(count) - count, count)
    pairs_right = right[np.repeat(low, count) + within]
    fits = ~separated(traits.major[pairs_left], traits.major[pairs_right])
    fits &= traits.claims.judge(pairs_left, pairs_right) >= 0
    a, b = traits.group[pairs_left], traits.group[pairs_right]
    fits &= (a == b) | ((np.minimum(a, b) == 0) & (np.maximum(a, b) < 70))
    return pairs_left[fits], pairs_right[fits]


def judge(traits: Traits, left: Ints, right: Ints) -> tuple[Ints, Ints]:
    """Return the points of every pair, and what their authorships say (1 agree, -1 contradict, 0 nothing)."""
    author = np.array(
        [compare_authorship(traits.authorship[a], traits.authorship[b]) for a, b in zip(left, right, strict=True)],
        dtype=np.int64,
    )
    points = SAME_AUTHOR * author
    for slot, worth in ((4, SAME_FAMILY), (3, SAME_ORDER), (2, SAME_CLASS), (1, SAME_PHYLUM)):
        one, other = traits.classification[left, slot], traits.classification[right, slot]
        both = (one >= 0) & (other >= 0)
        points = points + np.where(both, np.where(one == other, worth, -worth), 0)
    return points, author
