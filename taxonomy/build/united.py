"""The united taxonomy in its final order: one row per usage, sorted by id, every species below its genus."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from taxonomy.build.lineage import Rows, break_loops, path_to_root, seven_ranks
from taxonomy.build.links import Linked, find_rows
from taxonomy.build.merge import Merged
from taxonomy.names.parse import is_clean
from taxonomy.build.provenance import statuses
from taxonomy.names.ranks import SEVEN
from taxonomy.readers.taxon_schema import USAGE_SCHEMA, Issues

_FAMILY, _GENUS, _SPECIES = SEVEN.index("family"), SEVEN.index("genus"), SEVEN.index("species")


@dataclass
class United:
    """What an index is written from."""

    table: pa.Table
    """USAGE_SCHEMA, sorted by usage_id."""
    parent: Rows
    accepted: Rows
    ranks: Rows
    """Shape (rows, 7): rows of kingdom ... species of the accepted taxon of each usage; -1: none."""
    source_ids: pa.Array
    """list<string>: all ids that became this usage, sorted."""
    source_status: pa.Array
    """provenance.STATUS_TYPE."""
    conflicts: pa.Array
    """provenance.CONFLICT_TYPE."""
    stands_for: Rows
    """For every row of the merge, its row here; -1 when it was left out."""
    issues: Issues


def unite(merged: Merged) -> United:
    """Bring a merge into its final form."""
    issues = Issues()
    kept = np.flatnonzero(merged.keep)
    place = np.full(len(merged.keep) + 1, -1, dtype=np.int32)  # the last one is for -1
    place[kept] = np.arange(len(kept), dtype=np.int32)
    linked = Linked(
        merged.table.take(pa.array(kept)).combine_chunks(),
        place[merged.parent[kept]],
        place[merged.accepted[kept]],
        issues,
    )
    _demote(linked, merged.demoted[kept])
    donor = pa.array(merged.donor[kept], mask=merged.donor[kept] < 0)
    authorship = pc.coalesce(linked.table["authorship"], merged.table["authorship"].take(donor))
    at = linked.table.column_names.index("authorship")
    linked.table = linked.table.set_column(at, USAGE_SCHEMA.field("authorship"), authorship)
    linked.parent, cut = break_loops(linked.parent)
    issues.add_all("parent_loop_between_sources", linked.ids(cut))
    _hold(linked, _SPECIES)
    _hold(linked, _GENUS)

    order = pc.sort_indices(linked.table, [("usage_id", "ascending")]).to_numpy()
    final = np.full(len(order) + 1, -1, dtype=np.int32)
    final[order] = np.arange(len(order), dtype=np.int32)
    linked.table = linked.table.take(pa.array(order)).combine_chunks()
    linked.parent, linked.accepted = final[linked.parent[order]], final[linked.accepted[order]]
    stands_for = final[place[merged.stands_for]]

    ranks = seven_ranks(linked.parent, linked.slots(), linked.levels())
    ranks = np.where(linked.accepted[:, None] >= 0, ranks[linked.accepted], -1).astype(np.int32)
    # A species without a genus (a virus, mostly) is not named as a species: a species key always holds its genus.
    homeless = (ranks[:, _GENUS] < 0) & (ranks[:, _SPECIES] >= 0)
    issues.add_all("species_without_genus", linked.ids(np.flatnonzero(homeless).astype(np.int32)))
    ranks[homeless, _SPECIES] = -1
    return United(
        linked.table,
        linked.parent,
        linked.accepted,
        ranks,
        _source_ids(merged, stands_for, linked.table),
        statuses(merged.table, stands_for, linked.table.num_rows),
        merged.conflicts.lists(final[place], linked.table.num_rows),
        stands_for,
        issues,
    )


def _demote(linked: Linked, rows: npt.NDArray[np.bool_]) -> None:
    """Call those rows synonyms whose source accepts them and the united taxonomy does not."""
    at = linked.table.column_names.index("status")
    status = pc.if_else(pa.array(rows), pa.scalar("synonym"), linked.table["status"])
    linked.table = linked.table.set_column(at, USAGE_SCHEMA.field("status"), status)


def _hold(linked: Linked, slot: int) -> None:
    """Put taxa below species under their species (slot 6), species under their genus (slot 5); made where missing."""
    ranks = seven_ranks(linked.parent, linked.slots(), linked.levels())
    own = linked.accepted == np.arange(len(linked.accepted))
    low = linked.levels() > 70 if slot == _SPECIES else linked.slots() == _SPECIES
    rows = np.flatnonzero(own & low & (ranks[:, slot] < 0))
    if len(rows) == 0:
        return
    words = 2 if slot == _SPECIES else 1
    names = linked.table["name"].take(pa.array(rows)).to_pylist()
    wanted = {}
    for row, name in zip(rows.tolist(), names, strict=True):
        parts = (name or "").split(" ")
        if len(parts) > words and is_clean(" ".join(parts[:words])):
            wanted[row] = " ".join(parts[:words])
    homes = np.flatnonzero(own & (linked.slots() == slot))
    mask = pc.is_in(linked.table["name"].take(pa.array(homes)), value_set=pa.array(sorted(set(wanted.values()))))
    homes = homes[mask.to_numpy(zero_copy_only=False).astype(bool)]
    known: dict[tuple[str, int, int], list[int]] = {}
    for home, name in zip(homes.tolist(), linked.table["name"].take(pa.array(homes)).to_pylist(), strict=True):
        known.setdefault((name, int(ranks[home, 0]), int(ranks[home, _FAMILY])), []).append(home)
    made: dict[tuple[str, int], int] = {}
    new: list[dict[str, object]] = []
    ids, sources = linked.table["usage_id"], linked.table["source"]
    # Room for a taxon made for each, so that ways to the root may lead over those that are made already.
    linked.parent = np.concatenate([linked.parent, np.full(len(wanted), -1, dtype=np.int32)])
    for row, name in wanted.items():
        found = known.get((name, int(ranks[row, 0]), int(ranks[row, _FAMILY])), [])
        above = int(linked.parent[row])
        if len(found) == 1:
            if row in path_to_root(linked.parent, found[0]):
                # A genus below its own species, where a source has them the wrong way round: they change places.
                linked.issues.add(f"{SEVEN[slot]}_below_what_it_holds", str(ids[found[0]].as_py()))
                linked.parent[found[0]] = above
            linked.parent[row] = found[0]
            continue
        key = (name, above)
        if key not in made:
            made[key] = len(ids) + len(new)
            under = ids[above].as_py() if above >= 0 else ""
            usage = f"{sources[row].as_py()}:{SEVEN[slot]}:{under}/{name}"
            new.append(
                {
                    "usage_id": usage,
                    "name": name,
                    "rank": SEVEN[slot],
                    "status": "accepted",
                    "source": sources[row].as_py(),
                }
            )
            linked.parent[made[key]] = above
        linked.parent[row] = made[key]
    linked.parent = linked.parent[: len(ids) + len(new)]
    if new:
        first = min(str(each["usage_id"]) for each in new)
        linked.issues.add(f"{SEVEN[slot]}_made_from_name", first, len(new))
        linked.accepted = np.concatenate(
            [linked.accepted, np.arange(len(ids), len(ids) + len(new), dtype=np.int32)]
        ).astype(np.int32)
        linked.table = pa.concat_tables([linked.table, pa.Table.from_pylist(new, schema=USAGE_SCHEMA)]).combine_chunks()


def _source_ids(merged: Merged, stands_for: Rows, table: pa.Table) -> pa.Array:
    """Return, for every usage, the sorted ids (and other ids) of the rows that became it."""
    keys, owners = [], []
    for name in ("usage_id", "other_id"):
        present = pc.is_valid(merged.table[name]).to_numpy() & (stands_for >= 0)
        keys.append(merged.table[name].filter(pa.array(present)).combine_chunks())
        owners.append(stands_for[present])
    older = merged.aliases.filter(pc.equal(merged.aliases["kind"], "replaced"))
    row = find_rows(merged.table["usage_id"], older["usage_id"])
    owner = np.where(row >= 0, stands_for[row], -1).astype(np.int32)
    keys.append(older["alias"].filter(pa.array(owner >= 0)).combine_chunks())
    owners.append(owner[owner >= 0])
    # Made taxa come from no row, and demoted names went to their taxon: their own id is all they have.
    covered = np.zeros(table.num_rows, dtype=bool)
    covered[np.concatenate(owners)] = True
    keys.append(table["usage_id"].filter(pa.array(~covered)).combine_chunks())
    owners.append(np.flatnonzero(~covered).astype(np.int32))
    both = pa.table({"owner": np.concatenate(owners), "key": pa.chunked_array(keys)})
    both = both.take(pc.sort_indices(both, [("owner", "ascending"), ("key", "ascending")]))
    counts = np.bincount(both["owner"].to_numpy(), minlength=table.num_rows)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), both["key"].combine_chunks())
