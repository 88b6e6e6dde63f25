"""One file of scores as a table: a column `key`, unique and not empty, and columns of numbers, booleans and texts."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NoReturn, cast

import pyarrow as pa
import pyarrow.compute as pc

from manifests import RecipeError, ScoresSpec
from manifests.paths import as_given

KEY = "key"
MOST_COLUMNS = 1_000


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """The scores of one file."""

    rows: pa.Table
    """`key` (string), then the columns: float64, bool or string."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """Of columns of text, where the first value stands that is no number: 'line 3: n/a'."""

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """The columns with their types in SQL, without the key."""
        kinds = {pa.float64(): "DOUBLE", pa.bool_(): "BOOLEAN"}
        return tuple((each.name, kinds.get(each.type, "VARCHAR")) for each in self.rows.schema if each.name != KEY)


def refuse(spec: ScoresSpec, what: str, where: str = "", expected: str = "", remedy: str = "") -> NoReturn:
    """Raise RecipeError for a file of scores, with its path and the place in it."""
    raise RecipeError(
        f"the scores {spec.name!r}: {what}",
        where=f"{as_given(spec.path)}{where and ', ' + where}",
        expected=expected or "CSV, TSV or Parquet with a column of keys, or results of MegaDetector or pybioclip",
        remedy=remedy or "correct the file, or write it anew",
    )


def keyed(spec: ScoresSpec, rows: pa.Table, key: str, lines: pa.Array, line: str = "line") -> tuple[pa.Table, pa.Array]:
    """Return the rows with `key` in front, without those that have none, and their lines; no key may come twice.

    `lines`: where each row stands, to be told. Of addresses and paths that file_name is of, the last part counts.
    """
    names = Counter(name.lower() for name in rows.column_names)
    twice = sorted(name for name, count in names.items() if count > 1)
    if twice:
        refuse(spec, f"the column {twice[0]!r} comes twice", f"{line} 1", "each column once, whatever its case")
    if rows.num_columns > MOST_COLUMNS:
        refuse(spec, f"it has {rows.num_columns:,} columns", "", f"at most {MOST_COLUMNS:,}")
    keys = _key_of_texts(spec, pc.cast(rows[key], pa.string())).combine_chunks()
    known = pc.not_equal(pc.fill_null(keys, ""), "")
    found = rows.drop_columns([key])
    if KEY in (name.lower() for name in found.column_names):
        refuse(spec, f"a column is named {KEY!r}, and is not that of the keys", f"{line} 1", "another name for it")
    found = found.add_column(0, KEY, keys).filter(known)
    places = lines.filter(known)
    if not found.num_rows:
        refuse(spec, "no row has a key", "", f"a {spec.key} in each row of column {key!r}")
    _check_once(spec, found[KEY], places, line)
    return found, places


def _key_of_texts(spec: ScoresSpec, texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the keys that some cells mean: trimmed, and of file_name what follows the last slash."""
    trimmed = pc.utf8_trim_whitespace(texts)
    if spec.key == "file_name":
        return pc.replace_substring_regex(trimmed, r"^.*[/\\]", "")
    return trimmed


def _check_once(spec: ScoresSpec, keys: pa.ChunkedArray, lines: pa.Array, line: str) -> None:
    counted = pc.value_counts(keys.combine_chunks())
    many = counted.filter(pc.greater(counted.field("counts"), 1))
    if not len(many):
        return
    first = min(many.field("values").to_pylist())
    stands = lines.filter(pc.equal(keys.combine_chunks(), first)).to_pylist()
    listed = ", ".join(str(each) for each in stands[:5])
    refuse(
        spec,
        f"the key {first!r} comes {len(stands):,} times, and so do {len(many) - 1:,} other keys",
        f"{line}s {listed}",
        "one row for each key",
        "leave one row of each, or give a key that tells them apart",
    )


def typed(spec: ScoresSpec, rows: pa.Table, lines: pa.Array, line: str = "line") -> ScoreTable:
    """Return texts as what they are: numbers where every cell is one or empty, then true and false, else texts."""
    columns, texts = {}, {}
    for name in rows.column_names:
        cells = pc.utf8_trim_whitespace(rows[name])
        cells = pc.if_else(pc.equal(cells, ""), pa.scalar(None, pa.string()), cells)
        numbers, odd = as_numbers(cells)
        if name == KEY:
            columns[name] = rows[name]
        elif odd < 0:
            columns[name] = numbers
        elif pc.all(pc.is_in(pc.utf8_lower(cells.drop_null()), pa.array(["true", "false"]))).as_py():
            columns[name] = pc.equal(pc.utf8_lower(cells), "true")
        else:
            columns[name] = cells
            texts[name.lower()] = f"{line} {lines[odd].as_py()}: {cells[odd].as_py()[:60]!r}"
    return ScoreTable(pa.table(columns), texts)


_NUMBER = r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?$"


def as_numbers(cells: pa.ChunkedArray) -> tuple[pa.ChunkedArray | None, int]:
    """Return texts as numbers and -1, or None and the place of the first that is none; nan and inf are none.

    >>> as_numbers(pa.chunked_array([["1", None, ".5e1"]]))[0].to_pylist()
    [1.0, None, 5.0]
    >>> as_numbers(pa.chunked_array([["1", "x"]]))
    (None, 1)
    """
    good = pc.fill_null(pc.match_substring_regex(cells, _NUMBER), True)
    odd = pc.index(good, False).as_py()
    if odd >= 0:
        return None, odd
    return pc.cast(pc.utf8_ltrim(cells, "+"), pa.float64()), -1


def file_of(spec: ScoresSpec) -> Path:
    """Return the path of a file of scores; raises RecipeError where it is none, or is empty."""
    path = Path(spec.path)
    if not path.is_file():
        refuse(spec, "there is no such file", "", "a file", "correct the path")
    if not path.stat().st_size:
        refuse(spec, "the file is empty")
    return path


def opened(path: Path) -> BinaryIO:
    """Open a file of scores for reading, unpacked where its first bytes say that it is gzip, whatever its name."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return cast(BinaryIO, gzip.open(path, "rb")) if packed else path.open("rb")
