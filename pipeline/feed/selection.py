"""The rows of a manifest that are asked for, written as arrays: in batches, so that memory does not grow with the rows.

DuckDB gives labels their numbers and spills what does not fit. Rows are taken in the order of shards and of places in
them, which is that in which a manifest is written; one in another order is sorted, at some 30 bytes of memory a row.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from manifests.nearness import closest
from pipeline.feed.arrays import ArrayWriter, open_array, open_texts, write_small
from pipeline.feed.headers import HEADER
from pipeline.feed.question import ARRAYS, NAMES, Question
from pipeline.model.errors import FeedError, StorageError
from pipeline.storage.database import connect, in_list
from pipeline.storage.statements import Statements

if TYPE_CHECKING:
    import duckdb

_COLUMNS = ("key", "shard", "split", "jpg_offset", "jpg_length", "accepted_id", *NAMES)
_SHARD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\.tar")
_BATCH, _RANGE = 1 << 16, 1 << 20
_MEMORY_MB = 1024
_SQL = Statements(__name__)


def write_selection(folder: Path, manifest: Path, told: str, question: Question) -> str:
    """Write the arrays of the rows asked for, and give a digest of which they are: of their keys, in order.

    `told` is how errors name the manifest. Raises FeedError for a file that is no manifest, a condition that cannot be
    answered, and when no row is selected; StorageError where the folder cannot be written.
    """
    _check_columns(manifest, told)
    with tempfile.TemporaryDirectory(dir=folder) as spill, connect(_MEMORY_MB, Path(spill)) as con:
        with _reading(told):
            labels = ", ".join(_SQL("label", column=name) for name in ("accepted_id", *NAMES))
            con.execute(f"CREATE VIEW manifest AS {_SQL('manifest', path=str(manifest), labels=labels)}")
            _check_places(con, told)
        conditions = [_SQL("of_split", split=question.split)] if question.split else []
        if question.where:
            _answer(con, manifest, question)
            conditions.append(_SQL("of_chosen"))
        with _reading(told):
            ordered = _write(con, folder, told, question, " AND ".join(conditions) or "true")
    if not ordered:
        _sort(folder)
    (folder / "row.npy").unlink()
    return _keys_digest(open_texts(folder, "key"))


def _write(con: duckdb.DuckDBPyConnection, folder: Path, told: str, question: Question, condition: str) -> bool:
    """Write tables and arrays; return whether the rows came in the order of their places."""
    con.execute(_SQL("shards", condition=condition))
    shards = con.sql(_SQL("shard_names")).to_arrow_table()
    if not shards.num_rows:
        raise _nothing(con, told, question)
    for name in shards.column("shard").to_pylist():
        if not _SHARD.fullmatch(name or ""):
            raise FeedError(f"{name!r} cannot be the name of a shard", told, "NAME.tar")
    con.execute(_SQL("labels", names=NAMES, condition=condition))
    write_small(folder, "shards", shards)
    write_small(folder, "taxa", con.sql(_SQL("taxa")).to_arrow_table())
    write_small(folder, "names", _with_nulls(con.sql(_SQL("lineages", names=NAMES)).to_arrow_table()))
    ordered, last = True, (-1, -1)
    counts = np.zeros(shards.num_rows, np.int64)
    ((rows,),) = con.execute(_SQL("rows")).fetchall()
    with ArrayWriter(folder) as writer:
        for first in range(0, rows, _RANGE):
            query = _SQL("places", names=NAMES, condition=condition, first=first, end=first + _RANGE)
            for batch in con.sql(query).to_arrow_reader(_BATCH):
                writer.append_texts("key", batch.column("key"))
                columns = {name: batch.column(name).to_numpy() for name in ("row", *ARRAYS)}
                for name, values in columns.items():
                    writer.append(name, values)
                shard, start = np.append(last[0], columns["shard"]), np.append(last[1], columns["start"])
                later = (np.diff(shard) > 0) | ((np.diff(shard) == 0) & (np.diff(start) > 0))
                ordered, last = ordered and bool(later.all()), (int(shard[-1]), int(start[-1]))
                counts += np.bincount(columns["shard"], minlength=counts.size)
        writer.append("edges", np.concatenate([[0], np.cumsum(counts)]))
    return ordered


def _nothing(con: duckdb.DuckDBPyConnection, told: str, question: Question) -> FeedError:
    """Return the error of a selection of no sample: the splits that there are, where the one asked for is none."""
    where = told.rpartition("/")[0]
    sizes = {str(name): number for name, number in con.execute(_SQL("splits")).fetchall()}
    listed = ", ".join(f"{name} ({number:,} sample{'s' * (number > 1)})" for name, number in sizes.items())
    if question.split and sizes and question.split not in sizes:
        near = closest(question.split, list(sizes))
        remedy = f"did you mean {near!r}?" if near else "name one of them, or '' for all of them"
        return FeedError(f"there is no split {question.split!r}", where, f"one of the splits {listed}", remedy)
    remedy = f"correct the condition; the splits are {listed}" if sizes else "the run has kept nothing"
    return FeedError("no sample is selected", where, str(question), remedy)


def _sort(folder: Path) -> None:
    """Bring the arrays into the order of places; rows of one place into that of the manifest."""
    order = np.lexsort([open_array(folder, name) for name in ("row", "start", "shard")])
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        with ArrayWriter(Path(temporary)) as writer:
            keys, arrays = open_texts(folder, "key"), {name: open_array(folder, name) for name in ARRAYS}
            for part in (order[start : start + _BATCH] for start in range(0, order.size, _BATCH)):
                writer.append_texts("key", keys.take(pa.array(part)))
                for name, values in arrays.items():
                    writer.append(name, values[part])
        for path in Path(temporary).iterdir():
            path.replace(folder / path.name)


def _keys_digest(keys: pa.Array) -> str:
    """Return the SHA-256 of all keys, each with the end of its line."""
    digest = hashlib.sha256()
    for start in range(0, len(keys), _BATCH):
        digest.update("".join(f"{key}\n" for key in keys.slice(start, _BATCH).to_pylist()).encode())
    return digest.hexdigest()


def _with_nulls(lineages: pa.Table) -> pa.Table:
    """Return lineages with null for the ranks that they do not have."""
    columns = [pc.if_else(pc.equal(column, ""), None, column) for column in lineages.columns]
    return pa.table(columns, lineages.column_names)


def _check_columns(manifest: Path, told: str) -> None:
    try:
        found = pq.read_schema(manifest).names
    except (pa.ArrowException, OSError) as error:
        raise _not_parquet(error, told) from error
    missing = [name for name in _COLUMNS if name not in found]
    if missing:
        raise FeedError(
            f"the manifest has no column {missing[0]!r}",
            told,
            "a manifest of this version of Biomill",
            "run the same `biomill run` command again: it writes the shards stage anew",
        )


def _check_places(con: duckdb.DuckDBPyConnection, told: str) -> None:
    """Raise FeedError for a place at which no image behind a tar header can lie, and for a row without a key."""
    for key, start, length, rows in con.execute(_SQL("misplaced", header=HEADER)).fetchall():
        raise FeedError(
            f"no image can lie at byte {start} with {length} bytes" if key else "a row has no key",
            f"{told}, key {key}, and {rows - 1:,} more",
            f"a key, an offset of at least {HEADER}, and at least one byte",
            "find out what is wrong: biomill verify RUN",
        )


def _answer(con: duckdb.DuckDBPyConnection, manifest: Path, question: Question) -> None:
    """Make the table `chosen`: the keys that the condition selects."""
    from pipeline.catalog import open_catalog

    opened = open_catalog(question.catalog) if question.catalog else _alone(manifest)
    with opened as asked, answering(question.where):
        con.register("answer", asked.sql(_SQL("answer", query=query_of(question.where))).to_arrow_reader(_BATCH))
        con.execute(_SQL("chosen"))
        con.unregister("answer")


def selected_keys(asked: duckdb.DuckDBPyConnection, where: str) -> pa.ChunkedArray:
    """Return the keys that a condition on the view `samples` of a connection, or a SELECT of keys, selects.

    Raises FeedError for a condition that cannot be answered.
    """
    with answering(where):
        return asked.sql(_SQL("answer", query=query_of(where))).to_arrow_table()["key"]


def query_of(where: str) -> str:
    """Return the query of a condition on `samples`, or the SELECT that it is.

    >>> query_of("split = 'val'"), query_of("SELECT key FROM samples")
    ("FROM samples WHERE split = 'val'", 'SELECT key FROM samples')
    """
    return where if where.lstrip().upper().startswith(("SELECT ", "WITH ")) else f"FROM samples WHERE {where}"


@contextmanager
def answering(where: str) -> Iterator[None]:
    """Raise FeedError for a condition that cannot be answered."""
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        raise FeedError(
            f"the condition cannot be answered: {error}",
            f"where: {where}",
            "SQL that is true or false of a row of `samples`, or a SELECT that gives a column `key`",
            'try it first: biomill sql RUN "SELECT count(*) FROM samples WHERE …"',
        ) from error


@contextmanager
def _alone(manifest: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection that can read the manifest, as the view `samples`, and no other file."""
    with tempfile.TemporaryDirectory(prefix="biomill-") as spill, connect(_MEMORY_MB, Path(spill)) as con:
        con.execute(f"SET allowed_paths = [{in_list([str(manifest)])[1:-1]}]")
        con.execute("SET enable_external_access = false")
        con.execute(f"CREATE VIEW samples AS {_SQL('all', path=str(manifest))}")
        yield con


@contextmanager
def _reading(told: str) -> Iterator[None]:
    """Raise StorageError for a disk that cannot be spilled to, FeedError for a manifest that cannot be read."""
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        if isinstance(error, duckdb.OutOfMemoryException) or "space" in str(error):
            raise StorageError(f"the manifest cannot be taken in: {error}", told, remedy="free some space") from error
        raise _not_parquet(error, told) from error


def _not_parquet(error: Exception, told: str) -> FeedError:
    return FeedError(f"the file is not Parquet: {error}", told, "the manifest of a dataset")
