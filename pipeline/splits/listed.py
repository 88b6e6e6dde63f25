"""What lists say of a split: keys of media, records, occurrences and taxa that belong to it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from manifests import RecipeError
from pipeline.lists.key_tables import keys_of_rows, read_rows

KEYS = {
    "media_key": "r.media_key",
    "record_key": "r.source || ':' || r.source_record_id",
    "occurrence_key": "r.occurrence_key",
    "taxon": "n.accepted_name",
}
"""The columns of a list, with the SQL of what they are held against."""


def listed_keys(lists: Sequence[tuple[int, str]]) -> pa.Table:
    """Return the keys of some lists: kind, key, split. `lists`: (number of the split, path).

    Raises RecipeError: a list that cannot be read, has none of the columns, or no key; a key of two splits.
    """
    found: dict[tuple[str, str], int] = {}
    for split, path in lists:
        header, rows = read_rows(Path(path), strict=True)
        cells = keys_of_rows(header, rows, tuple(KEYS), "the list of a split", "find records by", path)
        keys = [(kind, key) for row in cells for kind, key in row.items() if key]
        if not keys:
            raise RecipeError("the list of a split holds no key", path, "at least one row with a key")
        for each in keys:
            if found.setdefault(each, split) != split:
                raise RecipeError(
                    f"{each[0]} '{each[1]}' is listed for two splits", path, "each key in the list of one split"
                )
    kinds, names = [kind for kind, _ in found], [key for _, key in found]
    return pa.table(
        {
            "kind": pa.array(kinds, pa.string()),
            "key": pa.array(names, pa.string()),
            "split": pa.array(list(found.values()), pa.int64()),
        }
    )
