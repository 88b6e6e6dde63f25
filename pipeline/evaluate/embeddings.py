"""Embeddings brought as Parquet, a key and a vector a row, joined to the pictures of a run.

Vectors are lists, of a fixed size or not, of float16, float32 or float64. The file is read in batches of rows, so that
memory is that of the matrix.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.embed.vector_files import DONE, PARTS
from pipeline.evaluate.measures.vectors import SHORTEST, Codes, Flags, Vectors, row_lengths
from pipeline.model.errors import EvaluationError

VECTORS = ("vector", "embedding")
"""Names of the column of vectors."""
MOST_DIMENSIONS = 1 << 16
_ROWS = 1 << 11
_BUFFER = 1 << 20


@dataclass(frozen=True, slots=True)
class VectorRows:
    """Some rows of a file of vectors."""

    first: int
    """Number of the first of them in the file, from 0."""
    keys: pa.Array
    vectors: Vectors


@dataclass(frozen=True, slots=True)
class Embeddings:
    """The vectors of pictures, in their order."""

    vectors: Vectors
    rows: Codes
    """int64[vectors]: which of the keys that were asked for they are of, ascending."""
    missing: int
    """Keys that were asked for and have no vector."""
    unknown: int
    """Rows of the file whose key was not asked for."""


def read_embeddings(
    path: str | os.PathLike[str], keys: Sequence[str], partial: bool = False, key: str = "key"
) -> Embeddings:
    """Read the vectors of some keys, in the order of the keys.

    `key`: the column of the file that holds them. Raises EvaluationError for a file that is no such table, vectors of
    several dimensions or of none, a vector of a key that was asked for which has no direction, a key that comes twice,
    and, unless `partial`, a key that was not asked for or has no vector.
    """
    wanted = pa.array(keys, pa.string())
    place = np.full(len(wanted), -1, np.int64)
    found: Vectors | None = None
    filled = unknown = 0
    strange = ""
    for part in read_vectors(path, (key,)):
        if found is None:
            found = np.empty((len(wanted), part.vectors.shape[1]), np.float32)
        rows = np.asarray(pc.fill_null(pc.index_in(part.keys, wanted), -1), np.int64)
        known = rows >= 0
        unknown += int((~known).sum())
        check_directions(path, part, known)
        if not strange and not known.all():
            strange = str(part.keys[int(np.argmin(known))].as_py())
        numbers = np.arange(part.first, part.first + len(rows))[known]
        rows = rows[known]
        ordered, firsts = np.unique(rows, return_index=True)
        twice = np.setdiff1d(np.arange(len(rows)), firsts)
        again = np.flatnonzero(place[rows] >= 0)
        if twice.size or again.size:
            row = int(again[0] if again.size else twice[0])
            before = place[rows[row]] if again.size else numbers[firsts[np.searchsorted(ordered, rows[row])]]
            raise EvaluationError(
                f"the key {keys[int(rows[row])]!r} comes twice",
                where=f"{path}, rows {int(before) + 1} and {int(numbers[row]) + 1}",
                expected="one vector for each picture",
                remedy="leave one row of each key",
            )
        place[rows] = numbers
        found[rows] = part.vectors[known]
        filled += len(rows)
    missing = len(wanted) - filled
    if found is None or not filled:
        raise EvaluationError(
            "no row of the embeddings is of a picture of the run",
            where=f"{path}, such as {strange!r}" if strange else str(path),
            expected=f"keys such as {keys[0]!r}" if keys else "pictures to evaluate",
            remedy="write the key of each sample beside its vector: the name of its members in the shard, or the "
            "column key of the view samples",
        )
    if not partial and (missing or unknown):
        first = keys[int(np.argmin(place))] if missing else strange
        raise EvaluationError(
            f"{missing:,} pictures of the run have no embedding, and {unknown:,} embeddings are of no picture of it",
            where=f"{path}, such as {first!r}",
            expected="a vector for each picture, and no others",
            remedy="embed the missing ones, or evaluate what there is of both with --partial",
        )
    rows = np.flatnonzero(place >= 0)
    return Embeddings(found if not missing else found[rows], rows, missing, unknown)


def read_vectors(path: str | os.PathLike[str], keys: Sequence[str]) -> Iterator[VectorRows]:
    """Yield the rows of a file with one of the key columns, the first that it has, and vectors.

    A folder is one of `biomill embed`: its parts are read one after another, as if they were one file. Raises
    EvaluationError as `read_embeddings` does, but for what is about single keys.
    """
    if Path(path).is_dir():
        yield from _parts(Path(path), keys)
        return
    try:
        # Read as a stream, however many rows lie in one row group: else whole columns of the file are held.
        file = pq.ParquetFile(path, pre_buffer=False, buffer_size=_BUFFER)
        name = column_of(str(path), file.schema_arrow, keys, "keys")
        vector = _vectors_column(str(path), file.schema_arrow)
        yield from _batches(str(path), file, name, vector)
    except (OSError, pa.ArrowException) as error:
        raise EvaluationError(
            f"the file cannot be read: {' '.join(str(error).split())[:200]}",
            where=str(path),
            expected="Parquet with a column of keys and a column of vectors",
        ) from error


def check_directions(path: str | os.PathLike[str], part: VectorRows, asked: Flags | None = None) -> None:
    """Raise EvaluationError for the first vector that has no direction: of zeros, or with a value that is not finite.

    `asked`: of these rows alone, those of pictures.
    """
    finite = np.asarray(np.isfinite(part.vectors).all(axis=1), np.bool_)
    wrong = ~finite | ~(row_lengths(part.vectors) >= SHORTEST)
    rows = np.flatnonzero(wrong if asked is None else wrong & asked)
    if rows.size:
        row = int(rows[0])
        zeros = "is of zeros, and has no direction"
        raise EvaluationError(
            f"a vector {zeros if finite[row] else 'holds a value that is no finite number of float32'}",
            where=f"{path}, row {part.first + row + 1}, key {part.keys[row].as_py()!r}",
            expected="finite numbers, not all 0",
            remedy="embed what it is of again"
            + ("" if asked is None else ", or leave its row out and evaluate the others with --partial"),
        )


def _parts(folder: Path, keys: Sequence[str]) -> Iterator[VectorRows]:
    parts = sorted(folder.glob(PARTS))
    if not parts or not (folder / DONE).is_file():
        raise EvaluationError(
            "the folder holds no finished set of vectors",
            where=str(folder),
            expected=f"{PARTS} and {DONE}, as `biomill embed` writes them",
            remedy="run the same `biomill embed` command again: it makes what is missing",
        )
    first = 0
    for each in parts:
        last = 0
        for part in read_vectors(each, keys):
            last = part.first + len(part.keys)
            yield VectorRows(first + part.first, part.keys, part.vectors)
        first += last


def column_of(path: str, schema: pa.Schema, names: Sequence[str], what: str) -> str:
    """Return the first of some names that a file has as a column; raises EvaluationError where it has none of them."""
    found = next((name for name in names if name in schema.names), None)
    if found is None:
        raise EvaluationError(
            f"no column of {what}",
            where=f"{path}, columns {', '.join(schema.names)[:200] or 'none'}",
            expected=f"a column {' or '.join(repr(name) for name in names)}",
            remedy="rename the column",
        )
    return found


def _vectors_column(path: str, schema: pa.Schema) -> str:
    """Return the column of vectors; raises EvaluationError where there is none, or it could be either of two."""
    both = [name for name in VECTORS if name in schema.names]
    if len(both) > 1:
        raise EvaluationError(
            "there are two columns of vectors",
            where=f"{path}, columns {' and '.join(repr(name) for name in both)}",
            expected="one of them",
            remedy="leave out the other, or rename it",
        )
    return column_of(path, schema, VECTORS, "vectors")


def _batches(path: str, file: pq.ParquetFile, name: str, vector: str) -> Iterator[VectorRows]:
    kind = file.schema_arrow.field(vector).type
    listed = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    if not listed or not pa.types.is_floating(kind.value_type):
        raise EvaluationError(
            f"the vectors are {kind}",
            where=f"{path}, column {vector!r}",
            expected="lists of float16, float32 or float64",
        )
    first, dimensions = 0, 0
    for batch in file.iter_batches(_ROWS, columns=[name, vector]):
        if not batch.num_rows:
            continue
        keys, vectors = batch.column(name), batch.column(vector)
        _refuse_nulls(path, keys, name, first)
        _refuse_nulls(path, vectors, vector, first)
        lengths = np.asarray(pc.list_value_length(vectors), np.int64)
        dimensions = dimensions or int(lengths[0])
        odd = np.flatnonzero(lengths != dimensions)
        if odd.size or not 1 <= dimensions <= MOST_DIMENSIONS:
            row = int(odd[0]) if odd.size else 0
            raise EvaluationError(
                f"a vector has {int(lengths[row]):,} dimensions",
                where=f"{path}, row {first + row + 1}, key {keys[row].as_py()!r}",
                expected=f"{dimensions:,}, as those before it" if odd.size else f"1 to {MOST_DIMENSIONS:,}",
                remedy="write vectors of one model into one file",
            )
        values = vectors.flatten()
        if values.null_count:
            row = int(np.asarray(pc.index(pc.is_null(values), True).as_py())) // dimensions
            raise EvaluationError(
                "a vector has a value that is null",
                where=f"{path}, row {first + row + 1}, key {keys[row].as_py()!r}",
                expected="numbers",
            )
        with np.errstate(over="ignore"):
            matrix = values.to_numpy(zero_copy_only=False).astype(np.float32).reshape(batch.num_rows, dimensions)
        yield VectorRows(first, keys.cast(pa.string()), matrix)
        first += batch.num_rows
    if not first:
        raise EvaluationError("the file has no rows", where=path, expected="a vector a row")


def _refuse_nulls(path: str, column: pa.Array, name: str, first: int) -> None:
    if column.null_count:
        row = first + int(pc.index(pc.is_null(column), True).as_py()) + 1
        raise EvaluationError(f"column {name!r} is null", where=f"{path}, row {row}", expected="a value in each row")


def write_embeddings(path: Path, keys: Sequence[str], vectors: Vectors, key: str = "key") -> None:
    """Write vectors by key, as `read_embeddings` reads them: lists of a fixed size, of the type that they have.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "e.parquet"
    >>> write_embeddings(path, ["b", "a"], np.eye(2, dtype=np.float16))
    >>> read_embeddings(path, ["a", "b"]).vectors.tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    from pipeline.storage.files.atomic import write_table

    flat = pa.array(np.ascontiguousarray(vectors).ravel())
    columns = [pa.array(keys, pa.string()), pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])]
    write_table(path, pa.table(columns, [key, "vector"]))
