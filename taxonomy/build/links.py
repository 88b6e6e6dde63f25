"""Turn one source's usages into a linked tree: rows instead of ids, chains flattened, loops cut, gaps closed.

Parents that a source only states as columns (kingdom ... genus) become usages of their own, unless the source has such
a usage already. Whatever is wrong with a source is counted, and never guessed over.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from taxonomy.build.lineage import Rows, break_loops, follow, seven_ranks
from taxonomy.names.ranks import SEVEN, rank_level, slot
from taxonomy.readers.taxon_schema import ALIAS_SCHEMA, USAGE_SCHEMA, Checklist, Issues
from taxonomy.names.taxonomic_status import ACCEPTED

Names = tuple[str | None, ...]


@dataclass
class Linked:
    """Usages in the order of their ids, with row numbers for links."""

    table: pa.Table
    """USAGE_SCHEMA; ids are unique."""
    parent: Rows
    """Row of the parent of accepted usages; -1 at roots and for synonyms."""
    accepted: Rows
    """Row of the accepted usage (its own for accepted ones); -1 when a synonym leads nowhere."""
    issues: Issues
    files: tuple[str, ...] = ()
    """What errors call the files that the usages' locators count rows of."""
    aliases: pa.Table = field(default_factory=ALIAS_SCHEMA.empty_table)

    def places(self, rows: npt.NDArray[np.int32] | list[int]) -> list[str]:
        """Return file, row and id of some rows, as issues name them; taxa that were made have an id only."""
        return _places(self.table, self.files, rows)

    def ids(self, rows: npt.NDArray[np.int32] | list[int]) -> list[str]:
        """Return the ids of some rows."""
        return list(self.table["usage_id"].take(pa.array(rows, pa.int32())).to_pylist())

    def levels(self) -> npt.NDArray[np.int16]:
        """Return the rank level of every row."""
        return codes(self.table["rank"], rank_level).astype(np.int16)

    def slots(self) -> npt.NDArray[np.int8]:
        """Return the place of every row's rank in SEVEN, or -1."""
        return codes(self.table["rank"], slot).astype(np.int8)


def _places(usages: pa.Table, files: tuple[str, ...], rows: npt.NDArray[np.int32] | list[int]) -> list[str]:
    picked = usages.select(["usage_id", "file", "locator"]).take(pa.array(rows, pa.int32())).to_pylist()
    return [
        f"{files[each['file']]}, row {each['locator']:09d}: {each['usage_id']}"
        if each["locator"] is not None and each["file"] is not None and each["file"] < len(files)
        else str(each["usage_id"])
        for each in picked
    ]


def codes(column: pa.ChunkedArray, of: object) -> npt.NDArray[np.int64]:
    """Return a number for every string of a column with few distinct values."""
    encoded = column.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    assert callable(of)
    values = np.array([of(value) for value in encoded.dictionary.to_pylist()] or [0], dtype=np.int64)
    found: npt.NDArray[np.int64] = values[encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)]
    return found


def find_rows(ids: pa.ChunkedArray, keys: pa.ChunkedArray) -> Rows:
    """Return the row of every key among unique ids, or -1."""
    found = pc.fill_null(pc.index_in(keys, value_set=ids.combine_chunks()), -1)
    rows: Rows = found.to_numpy().astype(np.int32)
    return rows


def link(checklist: Checklist) -> Linked:
    """Link the usages of one source.

    >>> from taxonomy.readers import read_source, source_inputs
    >>> linked = link(read_source(source_inputs(["default"])[0]))
    >>> int((linked.accepted < 0).sum()), linked.issues.counts
    (0, {})
    """
    issues = checklist.issues
    table = _unique(checklist, issues)
    is_accepted = pc.is_in(table["status"], value_set=pa.array(ACCEPTED)).to_numpy()
    here = np.arange(table.num_rows, dtype=np.int32)
    ids = table["usage_id"]

    pointer = find_rows(ids, table["accepted_id"])
    lost = ~is_accepted & (pointer < 0) & pc.is_valid(table["accepted_id"]).to_numpy()
    linked = Linked(table, np.full(len(here), -1, np.int32), np.where(is_accepted, here, pointer), issues)
    linked.files, linked.aliases = checklist.files, checklist.aliases
    issues.add_all("accepted_usage_missing", linked.places(here[lost]))
    ends = follow(linked.accepted)
    looped = (linked.accepted >= 0) & (ends < 0) & _reaches_nobody(linked.accepted, lost | ~is_accepted, ends)
    issues.add_all("synonym_loop", linked.places(here[looped]))
    chained = ~is_accepted & (ends >= 0) & (ends != linked.accepted)
    issues.add_all("synonym_chain_flattened", linked.places(here[chained]))
    linked.accepted = ends

    above = find_rows(ids, table["parent_id"])
    missing = is_accepted & (above < 0) & pc.is_valid(table["parent_id"]).to_numpy()
    issues.add_all("parent_missing", linked.places(here[missing]))
    through = is_accepted & (above >= 0) & ~is_accepted[above]
    issues.add_all("parent_is_synonym", linked.places(here[through]))
    parent = np.where(is_accepted & (above >= 0), ends[above], -1).astype(np.int32)
    parent[parent == here] = -1
    parent, cut = break_loops(parent)
    issues.add_all("parent_loop", linked.places(cut))
    linked.parent = parent
    return _close_gaps(linked, checklist.source)


def _reaches_nobody(pointer: Rows, weak: npt.NDArray[np.bool_], ends: Rows) -> npt.NDArray[np.bool_]:
    """Distinguish rows whose chain goes round from rows whose chain just ends at a synonym without a target."""
    at = pointer.copy()
    for _ in range(max(1, len(pointer)).bit_length() + 1):
        at = np.where(at >= 0, at[at], at)
    return (at >= 0) & weak & (ends < 0)


def _unique(checklist: Checklist, issues: Issues) -> pa.Table:
    """Sort by id, and keep one row per id: accepted before others, then by content, never by place in the file.

    A synonym that is listed once for each of its accepted usages keeps them all, as one usage for each.
    """
    usages = checklist.usages.combine_chunks()
    if pc.count_distinct(usages["usage_id"]).as_py() == usages.num_rows:
        return usages.take(pc.sort_indices(usages, [("usage_id", "ascending")])).combine_chunks()
    last = ("usage_id", "status", "locator", "file")
    keys = ["usage_id", "status", *(n for n in USAGE_SCHEMA.names if n not in last)]
    usages = usages.take(pc.sort_indices(usages, [(name, "ascending") for name in keys])).combine_chunks()
    ids = usages["usage_id"].combine_chunks()
    first = np.ones(len(ids), dtype=bool)
    first[1:] = pc.not_equal(ids[1:], ids[:-1]).to_numpy(zero_copy_only=False)
    again = np.flatnonzero(~first)
    more, twice = _further_targets(usages, first, again)
    issues.add_all("duplicate_id", _places(usages, checklist.files, twice))
    usages = usages.filter(pa.array(first)).combine_chunks()
    if not more:
        return usages
    issues.add_all("synonym_of_several_taxa", [str(each["usage_id"]) for each in more])
    torn = pa.array(sorted({str(each["usage_id"]).partition(">")[0] for each in more}))
    here = pc.is_in(usages["usage_id"], value_set=torn)
    status = pc.if_else(here, pa.scalar("ambiguous synonym"), usages["status"])
    usages = usages.set_column(usages.column_names.index("status"), USAGE_SCHEMA.field("status"), status)
    usages = pa.concat_tables([usages, pa.Table.from_pylist(more, schema=USAGE_SCHEMA)]).combine_chunks()
    return usages.take(pc.sort_indices(usages, [("usage_id", "ascending")])).combine_chunks()


def _further_targets(
    usages: pa.Table, first: npt.NDArray[np.bool_], again: npt.NDArray[np.int64]
) -> tuple[list[dict[str, object]], list[int]]:
    """Return the rows that repeat a synonym's id for another accepted usage, with ids of their own, and all others."""
    rows: list[dict[str, object]] = usages.take(pa.array(again)).to_pylist()
    owners = np.maximum.accumulate(np.where(first, np.arange(len(first)), 0))[again]
    heads: list[dict[str, object]] = usages.take(pa.array(owners)).to_pylist()
    seen: set[tuple[object, object]] = {(head["usage_id"], head["accepted_id"]) for head in heads}
    more, twice = [], []
    for place, row, head in zip(again.tolist(), rows, heads, strict=True):
        key = (row["usage_id"], row["accepted_id"])
        if {row["status"], head["status"]} & set(ACCEPTED) or not row["accepted_id"] or key in seen:
            twice.append(place)
            continue
        seen.add(key)
        target = str(row["accepted_id"]).partition(":")[2]
        more.append({**row, "usage_id": f"{row['usage_id']}>{target}", "status": "ambiguous synonym"})
    return more, twice


def _close_gaps(linked: Linked, source: str) -> Linked:
    """Attach accepted usages without a parent, and synonyms without a target, by the classification they state."""
    levels = linked.levels()
    bare = np.where(linked.accepted == np.arange(len(levels)), linked.parent < 0, linked.accepted < 0)
    stated = np.zeros(len(levels), dtype=bool)
    for name in SEVEN:
        stated |= pc.is_valid(linked.table[name]).to_numpy()
    orphans = np.flatnonzero(bare & stated)
    if len(orphans) == 0:
        return linked
    picked = linked.table.take(pa.array(orphans))
    given = list(zip(*(picked[name].to_pylist() for name in SEVEN), strict=True))
    known = _KnownTaxa(linked, given)
    names, ids = picked["name"].to_pylist(), picked["usage_id"].to_pylist()
    for place, row in enumerate(orphans.tolist()):
        path = _last_stated(given[place])
        if linked.accepted[row] == row:
            if path[-1] == names[place] and levels[row] == 0:
                path = _last_stated(path[:-1])
            target = known.find_or_make(path, source, avoid=row)
            linked.parent[row] = target
        elif path and len(path) - 1 == min(int(levels[row]), 70) // 10 - 1 and int(levels[row]) >= 10:
            linked.accepted[row] = known.find_or_make(path, source, avoid=row)
            linked.issues.add("accepted_usage_from_classification", ids[place])
    known.append_made(source)
    linked.parent, cut = break_loops(linked.parent)
    linked.issues.add_all("parent_loop", linked.places(cut))
    return linked


def _last_stated(names: Names) -> Names:
    """Cut empty ranks off the end."""
    end = len(names)
    while end and names[end - 1] is None:
        end -= 1
    return names[:end]


class _KnownTaxa:
    """The taxa of one source by their path of names, and those that had to be made."""

    def __init__(self, linked: Linked, needed: list[Names]) -> None:
        self.linked = linked
        self.by_path: dict[Names, int] = {}
        self.by_name: dict[tuple[int, str | None, str | None], list[int]] = {}
        self.made: list[Names] = []
        self.made_parent: list[int] = []
        self.start = int(linked.table.num_rows)
        wanted = pa.array(sorted({name for path in needed for name in path if name}), pa.string())
        slots = linked.slots()
        mask = pc.is_in(linked.table["name"], value_set=wanted).to_numpy() & (slots >= 0)
        mask &= linked.accepted == np.arange(self.start)
        rows = np.flatnonzero(mask)
        ranks = seven_ranks(linked.parent, slots, linked.levels())[rows]
        all_names = linked.table["name"]
        columns = []
        for place, name in enumerate(SEVEN):
            above = pa.array(ranks[:, place], pa.int32(), mask=ranks[:, place] < 0)
            columns.append(pc.coalesce(all_names.take(above), linked.table[name].take(pa.array(rows))).to_pylist())
        for row, path in zip(rows.tolist(), zip(*columns, strict=True), strict=True):
            own = int(slots[row])
            self.by_path.setdefault(path[: own + 1], row)
            self.by_name.setdefault((own, path[own], path[0]), []).append(row)

    def find_or_make(self, path: Names, source: str, avoid: int) -> int:
        """Return the row of the taxon with this path of names; -1 for an empty path."""
        path = _last_stated(path)
        if not path:
            return -1
        found: int | None = self.by_path.get(path)
        if found is None:
            # The same taxon may stand under another order there: one taxon of that name and kingdom is that taxon.
            namesakes = self.by_name.get((len(path) - 1, path[-1], path[0]), [])
            if len(namesakes) == 1:
                found = namesakes[0]
        if found is not None and found != avoid:
            return found
        parent = self.find_or_make(path[:-1], source, avoid)
        row = self.start + len(self.made)
        self.made.append(path)
        self.made_parent.append(parent)
        self.by_path[path] = row
        return row

    def append_made(self, source: str) -> None:
        """Add the made taxa to the table, in the order of their ids."""
        linked = self.linked
        if not self.made:
            return
        rows: list[dict[str, object]] = []
        for path in self.made:
            rank = SEVEN[len(path) - 1]
            rows.append(
                {
                    "usage_id": f"{source}:{rank}:" + "/".join(name for name in path if name),
                    "name": path[-1], "rank": rank, "status": "accepted", "source": source,
                }
            )  # fmt: skip
        table = pa.concat_tables([linked.table, pa.Table.from_pylist(rows, schema=USAGE_SCHEMA)]).combine_chunks()
        count = table.num_rows
        parent = np.concatenate([linked.parent, np.array(self.made_parent, dtype=np.int32)])
        accepted = np.concatenate([linked.accepted, np.arange(self.start, count, dtype=np.int32)])
        order = pc.sort_indices(table, [("usage_id", "ascending")]).to_numpy()
        place = np.empty(count + 1, dtype=np.int32)
        place[order] = np.arange(count, dtype=np.int32)
        place[-1] = -1  # so that -1 stays -1
        linked.table = table.take(pa.array(order)).combine_chunks()
        linked.parent, linked.accepted = place[parent[order]], place[accepted[order]]
        smallest = min(str(row["usage_id"]) for row in rows)
        linked.issues.add("higher_taxon_from_classification", smallest, len(rows))
