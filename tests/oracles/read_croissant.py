"""Read a run by its Croissant file; print as JSON what is wrong with it and what it holds: `read_croissant.py DIR`."""

from __future__ import annotations

import json
import os
import sys
from typing import Any


def told(folder: str) -> dict[str, Any]:
    """Return errors and warnings of the description, and of each record set its number and its first record."""
    import mlcroissant

    os.chdir(folder)  # files of a run are named relative to it
    dataset = mlcroissant.Dataset(jsonld="croissant.json")
    issues = dataset.metadata.issues
    records: dict[str, Any] = {}
    for each in dataset.metadata.record_sets:
        rows = list(dataset.records(record_set=each.id))
        first = {str(name): _text(value) for name, value in rows[0].items()} if rows else {}
        records[each.id] = {"rows": len(rows), "first": first}
    return {"errors": sorted(issues.errors), "warnings": sorted(issues.warnings), "records": records}


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


if __name__ == "__main__":
    sys.stdout, out = sys.stderr, sys.stdout
    print(json.dumps(told(sys.argv[1])), file=out)
