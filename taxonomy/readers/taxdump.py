"""Read NCBI's taxonomy dump (nodes.dmp, names.dmp, merged.dmp, delnodes.dmp), as files, in a folder, tar or zip.

Source: taxdump_readme.txt beside the dump. A node has one scientific name; synonyms, misspellings and the like become
synonyms, a name that is used for part of a taxon becomes an ambiguous synonym, and authorships come from the class
'authority'. Informal groups ('blast name') and type material are no names of taxa and are left out.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from taxonomy.readers.columns import qualify, to_usages
from taxonomy.readers.delimited import Table, headless, read_batches
from taxonomy.readers.layout import Layout, Member
from taxonomy.readers.recognised import Recognised
from taxonomy.readers.taxon_schema import ALIAS_SCHEMA, VERNACULAR_SCHEMA, Checklist, Issues

PREFIX = "ncbi"
_NODES = ("id", "parent", "rank")
_NAMES = ("id", "name", "unique name", "class")
_SYNONYMS = {
    "synonym": "synonym",
    "equivalent name": "synonym",
    "genbank synonym": "synonym",
    "anamorph": "synonym",
    "genbank anamorph": "synonym",
    "teleomorph": "synonym",
    "misspelling": "synonym",
    "includes": "synonym",
    "acronym": "synonym",
    "genbank acronym": "synonym",
    "in-part": "ambiguous synonym",
    "misnomer": "misapplied",
}
_COMMON = {"genbank common name": True, "common name": False}
_RANKS = {
    "cellular root": "unranked", "acellular root": "unranked", "cohort": "unranked", "subcohort": "unranked",
    "species subgroup": "species aggregate", "forma specialis": "form", "pathogroup": "strain",
    "serogroup": "strain", "serotype": "strain", "biotype": "strain", "genotype": "strain", "isolate": "strain",
}  # fmt: skip


def recognise(layout: Layout) -> Recognised | None:
    """Return how to read the dump, or None when nodes.dmp and names.dmp are not both there."""
    nodes, names = layout.member("nodes.dmp"), layout.member("names.dmp")
    if nodes is None or names is None:
        return None
    parts = [names, *(m for m in (layout.member("merged.dmp"), layout.member("delnodes.dmp")) if m is not None)]
    table = headless(nodes.origin, nodes.open, _NODES)
    return Recognised("NCBI taxdump", PREFIX, table, {}, core=nodes, parts=tuple(parts), ranks=_RANKS, read=_read)


def _rows(table: Table, columns: tuple[str, ...], issues: Issues) -> tuple[pa.Table, pa.ChunkedArray]:
    parts, numbers = [], []
    for batch, rows in read_batches(table, {name: name for name in columns}, issues):
        parts.append(batch)
        numbers.append(rows)
    schema = pa.schema([(name, pa.string()) for name in columns])
    return pa.concat_tables([*parts, schema.empty_table()]), pa.chunked_array(numbers, pa.int64())


def _table(member: Member, columns: tuple[str, ...]) -> Table:
    return headless(member.origin, member.open, columns)


def _read(found: Recognised) -> Checklist:
    issues = Issues()
    by_name = {part.name.casefold(): part for part in found.parts}
    member = by_name["names.dmp"]
    nodes, node_rows = _rows(found.table, _NODES, issues)
    names, name_rows = _rows(_table(member, _NAMES), ("id", "name", "class"), issues)
    names = names.append_column("row", name_rows)
    names = names.filter(pc.and_(pc.is_valid(names["id"]), pc.is_valid(names["name"])))
    scientific = names.filter(pc.equal(names["class"], "scientific name"))
    at = pc.index_in(nodes["id"], value_set=scientific["id"].combine_chunks())
    name = scientific["name"].combine_chunks().take(at)
    # The root is its own parent there.
    root = pc.fill_null(pc.equal(nodes["parent"], nodes["id"]), False)
    accepted = pa.table(
        {
            "id": nodes["id"],
            "parent": pc.if_else(root, pa.scalar(None, pa.string()), nodes["parent"]),
            "rank": nodes["rank"],
            "name": name,
            "authorship": _authorships(names, nodes["id"], name),
        }
    )
    synonyms = _synonyms(names)
    files = (found.table.origin, member.origin)
    usages = [
        to_usages(accepted, node_rows.combine_chunks(), found, issues, file=0, origin=files[0]),
        to_usages(synonyms, synonyms["row"].combine_chunks(), found, issues, file=1, origin=files[1]),
    ]
    if "delnodes.dmp" in by_name:
        deleted, _ = _rows(_table(by_name["delnodes.dmp"], ("id",)), ("id",), issues)
        both = pc.is_in(nodes["id"], value_set=deleted["id"].combine_chunks())
        for key in nodes["id"].filter(both).to_pylist():
            issues.add("node_is_listed_as_deleted", f"{files[0]}: {key}")
    aliases = ALIAS_SCHEMA.empty_table()
    if "merged.dmp" in by_name:
        aliases = _merged(by_name["merged.dmp"], nodes["id"], issues)
    return Checklist(found.prefix, pa.concat_tables(usages), _vernacular(names), issues, files, aliases)


def _authorships(names: pa.Table, ids: pa.ChunkedArray, name: pa.ChunkedArray) -> pa.Array:
    """Return the authorship of every node: what follows its name in the first of its authorities, in sorted order."""
    authority = names.filter(pc.equal(names["class"], "authority")).select(["id", "name"])
    authority = authority.take(pc.sort_indices(authority, [("id", "ascending"), ("name", "ascending")]))
    at = pc.index_in(authority["id"], value_set=ids.combine_chunks())
    plain = name.take(at).to_pylist()
    texts: list[str | None] = [None] * len(ids)
    for place, text, own in zip(at.to_pylist(), authority["name"].to_pylist(), plain, strict=True):
        if place is not None and own and texts[place] is None and text.startswith(own + " "):
            texts[place] = text[len(own) :].strip(" ,")
    return pa.array(texts, pa.string())


def _synonyms(names: pa.Table) -> pa.Table:
    """Return the names that point to a node; class and name make their keys, because the dump has none."""
    kept = names.filter(pc.is_in(names["class"], value_set=pa.array(sorted(_SYNONYMS))))
    ids, texts, classes = (kept[column].to_pylist() for column in ("id", "name", "class"))
    return pa.table(
        {
            "id": pa.array([f"{key}/{text}" for key, text in zip(ids, texts, strict=True)], pa.string()),
            "name": kept["name"],
            "rank": pa.array(["unranked"] * len(ids), pa.string()),
            "status": pa.array([_SYNONYMS[each] for each in classes], pa.string()),
            "accepted": kept["id"],
            "row": kept["row"],
        }
    )


def _vernacular(names: pa.Table) -> pa.Table:
    kept = names.filter(pc.is_in(names["class"], value_set=pa.array(sorted(_COMMON))))
    count = kept.num_rows
    return pa.table(
        {
            "usage_id": pa.array([qualify(PREFIX, key) for key in kept["id"].to_pylist()], pa.string()),
            "vernacular_name": kept["name"],
            "language": pa.array(["eng"] * count, pa.string()),
            "preferred": pa.array([_COMMON[each] for each in kept["class"].to_pylist()], pa.bool_()),
            "source": pa.array([PREFIX] * count, pa.string()),
        },
        schema=VERNACULAR_SCHEMA,
    )


def _merged(member: Member, ids: pa.ChunkedArray, issues: Issues) -> pa.Table:
    merged, _ = _rows(_table(member, ("old", "new")), ("old", "new"), issues)
    known = pc.is_in(merged["new"], value_set=ids.combine_chunks())
    for key in merged["new"].filter(pc.invert(known)).to_pylist():
        issues.add("merged_into_a_node_that_is_not_there", f"{member.origin}: {key}")
    merged = merged.filter(known)
    return pa.table(
        {
            "usage_id": pa.array([qualify(PREFIX, key) for key in merged["new"].to_pylist()], pa.string()),
            "alias": pa.array([qualify(PREFIX, key) for key in merged["old"].to_pylist()], pa.string()),
            "kind": pa.array(["replaced"] * merged.num_rows, pa.string()),
        },
        schema=ALIAS_SCHEMA,
    )
