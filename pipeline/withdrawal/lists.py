"""Lists of what is withdrawn: a CSV or TSV whose every filled cell in a key's column is a key of its own.

Owners change their minds and sources delete records; what they send is a list of ids, of addresses, or a name. A list
must never be read as less than it says, so what is odd about it is an error, and not a row that withdraws nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from manifests import RecipeError
from manifests.nearness import closest
from manifests.paths import as_given
from pipeline.lists.key_tables import keys_of_rows, read_rows
from pipeline.model.media_keys import media_key

KINDS = ("media_key", "record_key", "occurrence_key", "creator", "rights_holder", "key")
"""Columns that hold keys, as they are spelled in `records`; `key` is a sample's name in the shards."""
NOTES = ("source", "reason", "date")
"""Columns beside the keys: a source that the keys of the row are limited to, and what is said of them."""

KEYS_SCHEMA = pa.schema(
    [
        pa.field("position", pa.int64()),  # order of the keys over all files: the first that applies is the evidence
        pa.field("kind", pa.string()),  # one of KINDS
        pa.field("value", pa.string()),  # as the file writes it
        pa.field("match", pa.string()),  # what it is compared by; names of people are made alike in SQL
        *(pa.field(name, pa.string()) for name in NOTES),
        pa.field("file", pa.string()),  # as the recipe or the command names it
    ]
)
"""One row per key; empty strings where a row says nothing."""


def read_withdrawals(paths: Sequence[str | Path]) -> pa.Table:
    """Read lists of withdrawn keys, in their order, as rows of KEYS_SCHEMA.

    Raises RecipeError: a file that cannot be read or has no header, one without a column of keys, a column that seems
    to mean one of them, and a row with more cells than the header.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "w.csv")
    ...     _ = file.write_text("media_key,reason\\nhttps://www.inaturalist.org/photos/5,owner asked\\n")
    ...     read_withdrawals([file]).select(["kind", "value", "match", "reason"]).to_pylist()[0]["match"]
    'inat:5'
    """
    rows: list[dict[str, object]] = []
    for path in paths:
        for row in _read(path):
            rows += [{"position": len(rows) + place, **key} for place, key in enumerate(row)]
    return pa.Table.from_pylist(rows, KEYS_SCHEMA)


def _read(path: str | Path) -> Iterator[list[dict[str, str]]]:
    header, rows = read_rows(Path(path), strict=True)
    spelled = {name: name.strip().lower() for name in header}
    known = tuple(spelled.values())
    plain = [{spelled[name]: cell for name, cell in row.items()} for row in rows]
    given = as_given(path) if isinstance(path, str) else str(path)
    what = "the list of withdrawals"
    for name in known:
        meant = "" if name in (*KINDS, *NOTES) else closest(name, (*KINDS, *NOTES))
        if meant and meant not in known:
            raise RecipeError(
                f"{what} has a column {name!r}, which would not be read",
                where=f"{path}, line 1: {', '.join(header)}",
                expected="some of " + ", ".join((*KINDS, *NOTES)),
                remedy=f"write {meant!r} if that is meant, else give the column another name",
            )
    keys = keys_of_rows(known, plain, KINDS, what, "withdraw by", str(path))
    for row, cells in zip(keys, plain, strict=True):
        notes = {name: (cells.get(name) or "").strip() for name in NOTES}
        yield [
            {"kind": kind, "value": value, "match": _match(kind, value, notes["source"]), "file": given, **notes}
            for kind, value in row.items()
            if value
        ]


def _match(kind: str, value: str, source: str) -> str:
    """Return what a key is compared by: of an address its media key, of a bare record id the one of the row's source.

    >>> _match("media_key", "https://static.inaturalist.org/photos/5/large.jpg", ""), _match("record_key", "7", "gbif")
    ('inat:5', 'gbif:7')
    """
    if kind == "media_key" and value.lower().startswith(("http://", "https://")):
        return media_key(value)
    if kind == "record_key" and source and not value.startswith(f"{source}:"):
        return f"{source}:{value}"
    return value
