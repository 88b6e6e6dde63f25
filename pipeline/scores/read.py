"""Reading a file of scores, by what it is: Parquet, a detector's results, a classifier's predictions, CSV or TSV."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from manifests import RecipeError, ScoresSpec
from manifests.errors import TableError
from manifests.nearness import closest
from manifests.tables import (
    BOM,
    Dialect,
    FaultKind,
    read_header,
    read_parts,
    split_line,
    true_newline,
)
from pipeline.scores.detections import read_detections
from pipeline.scores.table import ScoreTable, file_of, keyed, opened, refuse, typed

_HEAD = 1 << 20
_BIOCLIP = "file_name"
_PARQUET = b"PAR1"
_WRONG = {
    FaultKind.RAGGED_LONG: "has more cells than the header",
    FaultKind.UNBALANCED_QUOTE: "has a quote that is not closed, or text behind one that is",
    FaultKind.ENCODING_MISMATCH: "is not UTF-8",
}


def read_scores(spec: ScoresSpec) -> ScoreTable:
    """Read a file of scores; raises RecipeError for one that cannot be joined, with the file and the line.

    Read again only when the file has changed since.
    """
    path = file_of(spec)
    state = path.stat()
    return _read(spec, str(path), state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=8)
def _read(spec: ScoresSpec, path: str, size: int, changed: int) -> ScoreTable:
    try:
        with opened(Path(path)) as file:
            head = file.read(_HEAD)
        if head[:4] == _PARQUET:
            return _parquet(spec, Path(path))
        if head.removeprefix(BOM).lstrip()[:1] in (b"{", b"["):
            return read_detections(spec, Path(path))
        return _text(spec, Path(path), head)
    except (OSError, EOFError, TableError, pa.ArrowException) as error:
        if isinstance(error, RecipeError):
            raise
        refuse(spec, f"the file cannot be read: {' '.join(str(error).split())[:200]}")


def _column(spec: ScoresSpec, names: list[str], line: str = "line 1") -> str:
    """Return the column of the keys."""
    wanted = spec.column or spec.key
    given = [name for name in names if name.lower() == wanted.lower()]
    if not given and spec.column is None and _BIOCLIP in names:
        given = [_BIOCLIP]
    if not given:
        near = closest(wanted, names)
        refuse(
            spec,
            f"no column {wanted!r} to join by",
            f"{line}: {', '.join(names)[:200] or 'empty'}",
            f"the {spec.key} of the records in a column",
            f'write column = "{near or "the name of that column"}"',
        )
    return given[0]


def _parquet(spec: ScoresSpec, path: Path) -> ScoreTable:
    rows = pq.ParquetFile(path).read()
    key = _column(spec, rows.column_names, "its columns")
    columns = {}
    for name in rows.column_names:
        kind = rows[name].type
        if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
            if name == key:
                columns[name] = rows[name].cast(pa.string())
                continue
            numbers = rows[name].cast(pa.float64(), safe=False)
            columns[name] = pc.if_else(pc.fill_null(pc.is_finite(numbers), False), numbers, None)
        elif pa.types.is_boolean(kind):
            columns[name] = rows[name]
        elif pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind):
            columns[name] = rows[name].cast(pa.string())
        elif name == key:
            refuse(spec, f"the keys of column {name!r} are {kind}", "", "texts or whole numbers")
    if not rows.num_rows:
        refuse(spec, "the table has no rows")
    table, _ = keyed(spec, pa.table(columns), key, pa.array(np.arange(1, rows.num_rows + 1)), "row")
    return ScoreTable(table, {each.name.lower(): "text" for each in table.schema if each.type == pa.string()})


def _text(spec: ScoresSpec, path: Path, head: bytes) -> ScoreTable:
    if b"\0" in head:
        refuse(spec, "it is no text: it holds bytes of zero", "line 1")
    first = head.removeprefix(BOM).split(b"\n", 1)[0]
    tabs = "\t" if first.count(b"\t") > first.count(b",") else ","
    delimiter = tabs if tabs.encode() in first else ";" if b";" in first else tabs
    dialect = true_newline(head, Dialect(delimiter, quoted=True), 1)
    names = split_line(head[: read_header(head, dialect).start].removeprefix(BOM), dialect)
    names = [name.strip() for name in names]
    key = _column(spec, names)
    if len(set(names)) < len(names) or "" in names:
        odd = next((name for name in names if names.count(name) > 1), "")
        refuse(spec, f"the column {odd!r} comes twice" if odd else "a column has no name", "line 1", "each column once")
    parts, lines, begun = [], [], 2
    with opened(path) as file:
        for part in read_parts(file, dialect, names, names, fill=True):
            for fault in part.faults:
                if fault.kind is not FaultKind.BLANK_LINE:
                    wrong = _WRONG.get(fault.kind, "holds characters that are no text")
                    refuse(spec, f"the row {wrong}", f"row {begun + fault.row}", f"{len(names)} cells of UTF-8 text")
            parts.append(part.table)
            lines.append(part.rows + begun)
            begun += part.count
    rows = pa.concat_tables(parts) if parts else pa.table({name: pa.array([], pa.string()) for name in names})
    if not rows.num_rows:
        refuse(spec, "the table has no rows", "line 2", "a row for each key below the header")
    stands = pa.array(np.concatenate(lines))
    if key == _BIOCLIP and "score" in names and {"classification", "species"} & set(names):
        rows, stands = _best(spec, rows, stands)
    return typed(spec, *keyed(spec, rows, key, stands))


def _best(spec: ScoresSpec, rows: pa.Table, lines: pa.Array) -> tuple[pa.Table, pa.Array]:
    """Return the prediction of the greatest score of each file: pybioclip writes one row for each that it has."""
    scores = typed(spec, rows.select(["score"]), lines)
    if "score" in scores.texts:
        refuse(spec, "a score is no number", scores.texts["score"], "a number in each row of column 'score'")
    others = [name for name in rows.column_names if name not in (_BIOCLIP, "score")]
    numbered = rows.append_column("_score", scores.rows["score"]).append_column("_line", pa.chunked_array([lines]))
    order = [(_BIOCLIP, "ascending"), ("_score", "descending"), *((name, "ascending") for name in others)]
    ordered = numbered.sort_by(order)
    names = ordered[_BIOCLIP].combine_chunks()
    first = np.ones(len(names), np.bool_)
    if len(names) > 1:
        first[1:] = np.asarray(pc.fill_null(pc.not_equal(names[1:], names[:-1]), True))
    best = ordered.filter(pa.array(first))
    return best.drop_columns(["_score", "_line"]), best["_line"].combine_chunks()
