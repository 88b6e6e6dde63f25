"""Resolve a whole file of names: the file's own columns, and beside them what they mean."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from taxonomy.match.questions import INPUT_COLUMNS
from taxonomy.match.resolver import RESOLVED_SCHEMA, resolve
from taxonomy.match.tables import Malformed, columns_of, read_names, written

if TYPE_CHECKING:
    from taxonomy.match.lookup import Taxonomy

_ANSWERS = pa.schema([each for each in RESOLVED_SCHEMA if each.name not in ("name_id", "scientific_name")])
"""Columns of the answer, without those that the input has itself."""
GIVEN = "given_"
"""What stands before a column of the input that has the name of a column of the answer."""


def resolve_file(taxonomy: Taxonomy, source: Path, target: Path, malformed: Malformed | None = None) -> dict[str, int]:
    """Resolve the names of a CSV, TSV or Parquet table, and give the number of rows by match type.

    Columns are found by their Darwin Core names: scientificName, and where present scientificNameAuthorship, taxonRank,
    kingdom, phylum, class, order, family and genus. The result has the rows of the input in their order, its own
    columns first (those that a column of the answer is named like get 'given_' before their name), as .parquet, .csv,
    .tsv or .jsonl. Memory is bounded by a batch. Rows that do not have the columns of the header are left out, and are
    counted under 'malformed_row'; `malformed` is told where the first of them stand.

    Raises TaxonomyError when the file cannot be read or has no scientificName.

    >>> import tempfile
    >>> from taxonomy import Taxonomy, build_taxonomy
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "names.csv").write_text("id,scientificName,family\\n7,Felis concolor,Felidae\\n8,Oenanthe,\\n")
    >>> _ = build_taxonomy(["default"], folder / "taxonomy")
    >>> resolve_file(Taxonomy.open(folder / "taxonomy"), folder / "names.csv", folder / "resolved.csv")
    {'AMBIGUOUS': 1, 'CANONICAL': 1}
    """
    counts: dict[str, int] = {}
    malformed = malformed if malformed is not None else Malformed()
    batches = read_names(source, malformed)
    first = next(batches, None)
    if first is None:
        first = pa.table({"scientificName": pa.array([], pa.string())})
    with written(target, answered_schema(first.schema)) as writer:
        batch: pa.Table | None = first
        while batch is not None:
            answered = resolve_beside(taxonomy, batch, columns_of(batch.column_names, source))
            for value in pc.value_counts(answered["match_type"].combine_chunks()).to_pylist():
                counts[value["values"]] = counts.get(value["values"], 0) + value["counts"]
            writer.write_table(answered)
            batch = next(batches, None)
    if malformed.count:
        counts["malformed_row"] = malformed.count
    return dict(sorted(counts.items()))


def answered_schema(own: pa.Schema) -> pa.Schema:
    """Return the schema of `resolve_beside` for a table of this one.

    >>> answered_schema(pa.schema({"scientific_name": pa.string(), "genus": pa.string()})).names[:4]
    ['scientific_name', 'given_genus', 'canonical_name', 'name_kind']
    """
    taken = frozenset(_ANSWERS.names)
    kept = [pa.field(f"{GIVEN}{each.name}" if each.name in taken else each.name, each.type) for each in own]
    return pa.schema(kept + list(_ANSWERS))


def resolve_beside(taxonomy: Taxonomy, table: pa.Table, columns: dict[str, str]) -> pa.Table:
    """Return the rows of a table with their own columns first, and beside them the answers of `resolve_distinct`.

    A column of the table that a column of the answer is named like gets 'given_' before its name.
    """
    found = resolve_distinct(taxonomy, table, columns)
    answers = [found[name] for name in _ANSWERS.names]
    return pa.table([*table.columns, *answers], schema=answered_schema(table.schema))


def resolve_distinct(taxonomy: Taxonomy, table: pa.Table, columns: dict[str, str]) -> pa.Table:
    """Resolve each distinct question of a table once, and give the answers in the order of its rows.

    `columns` names the header of every input column that the table has.
    """
    asked = pa.table({name: table[columns[name]].cast(pa.string()) for name in INPUT_COLUMNS if name in columns})
    asked = asked.drop_columns([name for name in ("name_id",) if name in asked.column_names])
    codes = np.zeros(asked.num_rows, dtype=np.int64)
    for column in asked.columns:
        encoded = pc.fill_null(column, "").combine_chunks().dictionary_encode()
        own = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        _, codes = np.unique(codes * (len(encoded.dictionary) + 1) + own, return_inverse=True)
    _, first, back = np.unique(codes, return_index=True, return_inverse=True)
    return resolve(taxonomy, asked.take(pa.array(first))).take(pa.array(back.reshape(-1)))
