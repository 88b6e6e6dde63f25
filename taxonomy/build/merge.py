"""Unite taxonomies in order of priority: a later source only adds, and never changes what an earlier one says.

Which taxon of a later source is which of the earlier ones is found in `taxonomy.build.alignment`; what they disagree about is
recorded in `taxonomy.build.provenance`. The design follows the merge of the Catalogue of Life's extended release (base
release, then sources in order of priority).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from taxonomy.build.alignment import Known, align
from taxonomy.build.lineage import MAXIMUM_DEPTH, Rows
from taxonomy.build.links import Linked
from taxonomy.build.pairs import Ints, Traits, join, judge, traits
from taxonomy.build.provenance import Conflicts
from taxonomy.readers.taxon_schema import Issues

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
    demoted: Bools
    """Kept rows that their source accepts and the united taxonomy does not: they are synonyms there."""
    donor: Rows
    """Row of a later source that gives a kept row the authorship it lacks; -1: none."""
    aliases: pa.Table
    """ALIAS_SCHEMA of all sources."""
    issues: list[Issues] = field(default_factory=list)
    conflicts: Conflicts = field(default_factory=Conflicts)


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
        np.zeros(total, dtype=bool),
        np.full(total, -1, dtype=np.int32),
        pa.concat_tables([each.aliases for each in sources]),
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

    taxa, synonyms = rows[own], rows[~own & (accepted >= 0)]
    owners = accepted[synonyms - start]
    aligned = align(Known(before, merged.accepted, merged.table), features, taxa, synonyms, owners, source)
    twin = aligned.twin
    merged.stands_for[taxa] = np.where(twin >= 0, twin, taxa)
    new = taxa[twin < 0]
    merged.keep[new], merged.accepted[new] = True, new
    above = parent[new - start]
    merged.parent[new] = np.where(above >= 0, merged.stands_for[above], -1)
    renamed = taxa[aligned.renamed]
    merged.keep[renamed], merged.accepted[renamed] = True, twin[aligned.renamed]
    merged.demoted[renamed] = True
    _give_authors(merged, features, taxa[twin >= 0], twin[twin >= 0])
    if start:
        merged.conflicts.note_twins(merged.table, features, taxa[twin >= 0], twin[twin >= 0])
    _fill_roots(merged, taxa[twin >= 0], parent, start)

    _add_synonyms(merged, features, synonyms, owners, before, source)
    lost = rows[accepted < 0]
    # A synonym that leads nowhere is kept, so that its name is known, and known to be unresolved.
    fresh = ~np.isin(features.name[lost], features.name[before])
    merged.keep[lost[fresh]], merged.stands_for[lost[fresh]] = True, lost[fresh]


def _give_authors(merged: Merged, features: Traits, taxa: Ints, twin: Ints) -> None:
    """Let taxa of the same name give their authorship to earlier taxa that have none."""
    same = features.name[taxa] == features.name[twin]
    for row, earlier in zip(taxa[same].tolist(), twin[same].tolist(), strict=True):
        if features.authorship[row] and not features.authorship[earlier]:
            # Later sources compare with it, too.
            features.authorship[earlier] = features.authorship[row]
            merged.donor[earlier] = row


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
    """Return the root above each row."""
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
    source.issues.add_all(
        "synonym_of_another_taxon_in_earlier_source",
        merged.table["usage_id"].take(pa.array(synonyms[refused])).to_pylist(),
    )
    against = ~same & refused[place]
    if against.any():
        by = merged.table.take(pa.array(left[against]))
        values = merged.table["name"].take(pa.array(target[place][against])).combine_chunks()
        merged.conflicts.note(right[against], "accepted_name", by, values)
    merged.stands_for[synonyms] = np.where(known >= 0, known, np.where(refused, -1, synonyms))
    new = (known < 0) & ~refused
    merged.keep[synonyms[new]] = True
    merged.accepted[synonyms[new]] = target[new]
