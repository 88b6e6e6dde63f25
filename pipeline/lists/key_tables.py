"""Tables of keys that people write: a CSV or TSV with a header, plain or gzipped."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from manifests import RecipeError

MAX_CELL = 1 << 20
MAX_ROWS = 50_000_000


def keys_of_rows(
    known: Sequence[str], rows: Sequence[dict[str, str]], names: Sequence[str], what: str, to: str, where: str
) -> list[dict[str, str]]:
    """Return the columns of `names` that a list of keys has, each cell stripped.

    Raises RecipeError when it has none of them: then nothing could be found by the list.

    >>> keys_of_rows(["media_key", "x"], [{"media_key": " inat:5", "x": ""}], ["media_key"], "the list", "find by", "a")
    [{'media_key': 'inat:5'}]
    """
    kept = [name for name in names if name in known]
    if not kept:
        listed = [f"{name} (source:id)" if name == "record_key" else name for name in names]
        raise RecipeError(
            f"{what}: no column to {to}",
            where=f"{where}, line 1: {', '.join(known) or 'empty'}",
            expected=f"a column {', '.join(listed[:-1])} or {listed[-1]}",
            remedy="add the header line",
        )
    return [{name: (row.get(name) or "").strip() for name in kept} for row in rows]


def read_rows(path: Path, strict: bool = False) -> tuple[tuple[str, ...], list[dict[str, str]]]:
    """Read a CSV or TSV with a header, plain or gzipped.

    With `strict` a row with more cells than the header has names, a name that comes twice and an open quote raise
    RecipeError: of such a file less would be read than it says.
    """
    csv.field_size_limit(MAX_CELL)
    try:
        with _open(path) as handle:
            reader = csv.DictReader(handle, delimiter="\t" if ".tsv" in path.suffixes else ",", strict=strict)
            header = tuple(name for name in reader.fieldnames or () if name)
            rows = []
            if strict and len(set(header)) < len(header):
                raise csv.Error(f"a column comes twice in {', '.join(header)}")
            for row in reader:
                if strict and any(row.get(None) or ()):  # None is csv's key of what is too much
                    raise csv.Error(f"line {reader.line_num} has more cells than the header: quote a value with commas")
                rows.append({name: row[name] or "" for name in header})
                if len(rows) > MAX_ROWS:
                    raise csv.Error(f"more than {MAX_ROWS:,} rows")
            return header, rows
    except (OSError, EOFError, csv.Error, UnicodeDecodeError) as error:
        raise RecipeError(
            f"the table cannot be read: {error}",
            where=str(path),
            expected="UTF-8 CSV or TSV with a header, plain or .gz",
            remedy="correct the path, or write the table anew",
        ) from error


def _open(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return io.TextIOWrapper(gzip.open(path, "rb"), encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")
