"""Tables of keys that people write: a CSV or TSV with a header, plain or gzipped."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, cast

from manifests import RecipeError
from manifests.errors import TableError
from manifests.tables import (
    BOM,
    Dialect,
    FaultKind,
    read_header,
    read_parts,
    split_line,
    true_newline,
    unique_names,
)

MAX_ROWS = 50_000_000
_HEAD = 1 << 20
"""Bytes of a file's start that its header is told from."""
_WRONG = {
    FaultKind.RAGGED_LONG: "has more cells than the header: quote a value with commas",
    FaultKind.UNBALANCED_QUOTE: "has a quote that is not closed, or text behind one that is",
    FaultKind.ENCODING_MISMATCH: "is not UTF-8",
}
_OTHERWISE = "holds characters that are no text"


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
    """Read a CSV or TSV with a header, plain or gzipped; of two columns of one name the first is read.

    A row that ends early has empty cells. A row that cannot be read raises RecipeError, because less would be found by
    such a list than it says; with `strict` so do a row with more cells than the header has names, and a name that
    comes twice.
    """
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as opened:
            handle = cast(BinaryIO, opened)
            head = handle.read(_HEAD)
            dialect = true_newline(head, Dialect("\t" if ".tsv" in path.suffixes else ",", quoted=True), 1)
            given = split_line(head[: read_header(head, dialect).start].removeprefix(BOM), dialect)
            columns = unique_names(given)
            names = [own for own, name in zip(columns, given, strict=True) if own == name]
            if strict and len(names) < sum(map(bool, given)):
                raise TableError(f"a column comes twice in {', '.join(given)}")
            handle.seek(0)
            return tuple(names), _rows(handle, dialect, columns, names, strict) if names else []
    except (OSError, EOFError, TableError) as error:
        raise RecipeError(
            f"the table cannot be read: {error}",
            where=str(path),
            expected="UTF-8 CSV or TSV with a header, plain or .gz",
            remedy="correct the path, or write the table anew",
        ) from error


def _rows(
    handle: BinaryIO, dialect: Dialect, columns: Sequence[str], names: Sequence[str], strict: bool
) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = []
    done = 0
    for part in read_parts(handle, dialect, columns, names, fill=True):
        for fault in part.faults:
            if fault.kind is FaultKind.RAGGED_LONG and not strict:
                cells = dict(zip(columns, split_line(part.raw(fault), dialect), strict=False))
                rows.append({name: cells[name] for name in names})
            elif fault.kind is not FaultKind.BLANK_LINE:
                raise TableError(f"row {done + fault.row + 1} {_WRONG.get(fault.kind, _OTHERWISE)}")
        rows += [{name: cell or "" for name, cell in row.items()} for row in part.table.to_pylist()]
        done += part.count
        if len(rows) > MAX_ROWS:
            raise TableError(f"more than {MAX_ROWS:,} rows")
    return rows
