"""Which records show a threatened taxon, by a list of names or keys, and by what they share with such a record.

A record is protected when its accepted taxon is on the list or stands below a taxon of the list, under whatever synonym
it is recorded; when its name could not be resolved and reads like one of the list; or when it shares its occurrence,
its medium or its picture with a protected record, because the two have one place. A name of the list that the taxonomy
does not know, or cannot resolve, protects by its letters: every name that is it, or begins with it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa

from manifests import RecipeError
from manifests.recipe import PrivacyRules
from pipeline.lists.key_tables import read_rows
from pipeline.lists.taxon_lists import COLUMNS, read_lines
from pipeline.storage import database as sql
from pipeline.storage.files.atomic import write_table
from pipeline.storage.run_folder import RunFolder
from pipeline.storage.statements import Statements

if TYPE_CHECKING:
    from taxonomy import Taxonomy

THREATENED_SCHEMA = pa.schema(
    [
        pa.field("taxon", pa.string()),  # as the list writes it
        pa.field("match_type", pa.string()),  # how it was found in the taxonomy: ID, or as names are matched
        pa.field("accepted_id", pa.string()),  # null where the taxonomy does not resolve it: compared by its letters
        pa.field("accepted_name", pa.string()),
        pa.field("accepted_rank", pa.string()),
        pa.field("canonical_name", pa.string()),
    ]
)
"""One row per taxon of the list."""
PLACES_SCHEMA = pa.schema(
    [
        pa.field("record_id", pa.string()),
        pa.field("source", pa.string()),
        pa.field("reason", pa.string()),  # taxon, name, occurrence, medium or alike
        pa.field("other_id", pa.string()),  # the protected record that it shares something with; null for its own taxon
    ]
)
"""One row per protected record, where there is a list."""
_SQL = Statements(__name__)
_OF_THE_NAME = ("EXACT", "CANONICAL", "STEM", "FUZZY", "OTU")
"""Matches of the name itself; any other is one of something above it, which was not named."""
_SURE = ("ID", "EXACT", "CANONICAL")
"""Matches of a listed taxon that leave no doubt; beside any other, its letters count too."""


def read_threatened(path: Path) -> list[str]:
    """Return the taxa of a list, each once, in its order: a .txt of one per line, or a column of a CSV or TSV.

    Of a row with both a key and a name the key counts. Raises RecipeError for a list without a column, or without taxa.
    """
    if path.suffix == ".txt":
        found = read_lines(path)
    else:
        header, rows = read_rows(path, strict=True)
        columns = [name for name in ("accepted_id", *COLUMNS) if name in header]
        if not columns:
            raise RecipeError(
                "no column of the list of threatened taxa holds names or keys",
                where=f"{path}, line 1: {', '.join(header) or 'empty'}",
                expected="one of " + ", ".join(("accepted_id", *COLUMNS)),
                remedy="add the header line",
            )
        found = [next((cell for name in columns if (cell := row[name].strip())), "") for row in rows]
    taxa = [taxon for taxon in dict.fromkeys(found) if taxon]
    if not taxa:
        raise RecipeError(
            "the list of threatened taxa is empty, so that no place would be kept back",
            where=str(path),
            expected="at least one name or key",
            remedy="add the taxa, or leave out privacy.threatened: then the rule holds for all",
        )
    return taxa


def find_taxa(taxa: list[str], taxonomy: Taxonomy) -> pa.Table:
    """Find the taxa of a list in the taxonomy, as rows of THREATENED_SCHEMA in the order of the list."""
    from taxonomy import parse_name, resolve  # needed where there is a list; the catalog asks this room always

    resolved = resolve(taxonomy, pa.table({"scientific_name": pa.array(taxa, pa.string())})).to_pylist()
    rows: list[dict[str, Any]] = []
    for taxon, row in zip(taxa, resolved, strict=True):
        if taxonomy.row(taxon) >= 0:
            usage = taxonomy.usage(taxon)
            accepted = taxonomy.usage(usage.accepted_id or taxon)
            rank, name = accepted.rank, accepted.name
            rows.append(_found(taxon, "ID", accepted.usage_id, name, rank, usage.name))
            continue
        canonical = row["canonical_name"] or parse_name(taxon).canonical or taxon
        if row["accepted_id"] is not None and row["match_type"] in _OF_THE_NAME:
            found = row["accepted_id"], row["accepted_name"], row["accepted_rank"]
            rows.append(_found(taxon, row["match_type"], *found, canonical))
        else:
            rows.append(_found(taxon, row["match_type"], None, None, None, canonical))
    return pa.Table.from_pylist(rows, THREATENED_SCHEMA)


def _found(taxon: str, match: str, *rest: str | None) -> dict[str, Any]:
    return dict(zip(THREATENED_SCHEMA.names, (taxon, match, *rest), strict=True))


def taxa_below(listed: pa.Table, taxonomy: Taxonomy) -> pa.Array:
    """Return the keys of the taxa of a list and of all that they hold, at any depth and rank."""
    roots = [taxonomy.row(key) for key in listed["accepted_id"].to_pylist() if key is not None]
    inside = np.zeros(len(taxonomy), dtype=np.bool_)
    for row in roots:
        inside |= (taxonomy.first >= taxonomy.first[row]) & (taxonomy.first <= taxonomy.last[row])
    return taxonomy.names["usage_id"].take(pa.array(np.flatnonzero(inside))).combine_chunks()


def write_places(
    folder: RunFolder, rules: PrivacyRules, index: Path, con: duckdb.DuckDBPyConnection, progress: Callable[[str], None]
) -> dict[str, int]:
    """Write `select/threatened` and `select/places`, both without rows where no list is given; return the counts."""
    stage = folder.stage
    home = stage("select")
    if rules.coordinates == "exact" or not rules.threatened:
        write_table(home / "threatened" / "part.parquet", THREATENED_SCHEMA.empty_table())
        write_table(home / "places" / "part.parquet", PLACES_SCHEMA.empty_table())
        return {}
    from taxonomy import Taxonomy

    taxonomy = Taxonomy.open(index)
    listed = find_taxa(read_threatened(Path(rules.threatened)), taxonomy)
    con.register("below", pa.table({"id": taxa_below(listed, taxonomy)}))
    con.register("listed_taxa", listed)
    records = sql.parquet(stage("ingest") / "records")
    names = sql.parquet(stage("resolve") / "names")
    candidates, groups = sql.parquet(stage("screen") / "candidates"), sql.parquet(stage("likeness") / "groups")
    con.execute(_SQL("spoken", names=names, sure=_SURE, of_the_name=_OF_THE_NAME))
    con.execute(_SQL("protected", records=records))
    # What shares a place may again share it with another record: once more, until nothing is added.
    con.execute(_SQL("shared", records=records, candidates=candidates, groups=groups))
    added = 1
    while added:
        before = int(sql.scalar(con, "SELECT count(*) FROM protected"))
        con.execute(_SQL("also_protected"))
        added = int(sql.scalar(con, "SELECT count(*) FROM protected")) - before
    columns = ", ".join(PLACES_SCHEMA.names)
    sql.copy(con, f"SELECT {columns} FROM protected ORDER BY record_id", home / "places" / "part.parquet")
    write_table(home / "threatened" / "part.parquet", listed)
    unresolved = listed["accepted_id"].null_count
    counts = {"taxa": listed.num_rows, "unresolved": unresolved, "records": before + added}
    progress(
        f"select: the places of {counts['records']:,} records are kept back ({rules.coordinates}); {unresolved:,} of "
        f"{listed.num_rows:,} threatened taxa are not resolved by the taxonomy, and compared by their letters"
    )
    return counts
