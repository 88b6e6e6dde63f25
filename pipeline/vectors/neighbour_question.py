"""What is asked of the vectors of a run: of which pictures, among which, and how near."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from manifests.nearness import closest
from pipeline.catalog import open_catalog
from pipeline.evaluate.condition import chosen_keys
from pipeline.evaluate.labelled import reading_samples
from pipeline.evaluate.measures.vectors import Codes, Flags
from pipeline.feed.feed import located
from pipeline.feed.selection import selected_keys
from pipeline.model.errors import EvaluationError
from pipeline.storage.parquet_files import read_table
from pipeline.storage.places import Place, RemotePath, address_of, place
from pipeline.storage.statements import Statements

_SQL = Statements(__name__)
_COLUMNS = ("key", "accepted_id", "accepted_name", "split", "group_id")
LIBRARIES = ("numpy", "faiss")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question for the nearest pictures."""

    k: int = 10
    keys: tuple[str, ...] = ()
    """Of these pictures; of all where none is named, nor a condition or split."""
    where: str = ""
    """Of the pictures of a condition in SQL on the view `samples`, or of a SELECT of keys."""
    split: str = ""
    """Of the pictures of one split."""
    among: str = ""
    """Neighbours of one split alone."""
    other_groups: bool = False
    """No neighbours of the picture's own group (`group_id`): of its organism, event or scene."""
    within: float | None = None
    """No neighbours farther than this distance, 1 - cosine."""
    library: str = "numpy"
    """'numpy', or 'faiss' where it is installed: the same answer, but for which of equally near ones come last."""

    def check(self) -> None:
        """Raise EvaluationError for the first value that cannot be."""
        if self.k < 1:
            raise EvaluationError(f"{self.k} neighbours are asked for", expected="1 or more")
        if self.library not in LIBRARIES:
            raise EvaluationError(f"there is no library {self.library!r}", expected=f"one of {', '.join(LIBRARIES)}")
        if self.within is not None and not 0 <= self.within <= 2:
            raise EvaluationError(f"the distance is {self.within}", expected="0 to 2, as 1 - cosine is")


@dataclass(frozen=True, slots=True)
class Samples:
    """The pictures of a run in the order of their keys, by which equally near ones are told apart."""

    table: pa.Table
    """Columns key, accepted_id, accepted_name and split."""
    groups: Codes
    """int64[pictures]: equal numbers for those of one group; a picture without one is a group of its own."""

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def in_split(self, split: str) -> Flags:
        """Return which pictures are of a split, all of ''; raise EvaluationError where there is none of that name."""
        if not split:
            return np.ones(len(self), np.bool_)
        found = np.asarray(pc.fill_null(pc.equal(self.table["split"], split), False), np.bool_)
        if not found.any():
            known = sorted(each for each in pc.unique(self.table["split"]).to_pylist() if each)
            near = closest(split, known)
            raise EvaluationError(
                f"there is no split {split!r}",
                expected=f"one of {', '.join(known)}",
                remedy=f"did you mean {near!r}?" if near else "",
            )
        return found

    def rows_of(self, keys: Sequence[str]) -> Codes:
        """Return the numbers of keys; raise EvaluationError for one that is of no picture."""
        rows = np.asarray(pc.fill_null(pc.index_in(pa.array(keys, pa.string()), self.table["key"]), -1), np.int64)
        if (rows < 0).any():
            raise EvaluationError(
                f"the run has no picture {keys[int(np.argmin(rows))]!r}",
                expected=f"keys such as {self.table['key'][0].as_py()!r}",
                remedy='biomill sql RUN "SELECT key FROM samples" lists them',
            )
        return rows


def read_samples(run: Place) -> Samples:
    """Return the samples of a run, of the catalog or, beside shards alone, of their manifest."""
    with _catalog(run) as con:
        if con is not None:
            table = con.sql(_SQL("samples")).to_arrow_table()
        else:
            shards, _ = located(address_of(run))
            with reading_samples(shards):
                table = read_table(place(f"{shards}/manifest.parquet"))
            table = table.select([name for name in _COLUMNS if name in table.column_names]).sort_by("key")
    columns = {
        name: table[name].cast(pa.string()).combine_chunks()
        if name in table.column_names
        else pa.nulls(table.num_rows, pa.string())
        for name in _COLUMNS
    }
    groups = columns.pop("group_id").dictionary_encode()
    codes = np.asarray(pc.fill_null(groups.indices, -1), np.int64)
    alone = np.flatnonzero(codes < 0)
    codes[alone] = len(groups.dictionary) + np.arange(alone.size)
    return Samples(pa.table(columns), codes)


def rows_asked(run: Place, samples: Samples, asked: Asked) -> Codes:
    """Return the numbers of the pictures that are asked for, ascending.

    Raises EvaluationError for keys and splits that there are not, and where nothing is asked for; FeedError for a
    condition that cannot be answered.
    """
    chosen = samples.in_split(asked.split).copy()
    if asked.keys:
        named = np.zeros(len(samples), np.bool_)
        named[samples.rows_of(asked.keys)] = True
        chosen &= named
    if asked.where:
        keys = _answer(run, asked.where)
        chosen &= np.asarray(pc.is_in(samples.table["key"], keys), np.bool_)
    rows = np.flatnonzero(chosen)
    if not rows.size:
        raise EvaluationError(
            "no picture is asked for", where=asked.where or asked.split, expected="a picture at least"
        )
    return rows


def _answer(run: Place, where: str) -> pa.ChunkedArray:
    with _catalog(run) as con:
        keys = chosen_keys(address_of(run), where) if con is None else selected_keys(con, where)
        return keys.cast(pa.string())


@contextmanager
def _catalog(run: Place) -> Iterator[duckdb.DuckDBPyConnection | None]:
    """Yield a connection to the catalog of a run, at an address too; None beside shards alone."""
    whole = run
    if isinstance(run, Path):
        _, found = located(str(run))
        if found is None:
            yield None
            return
        whole = found
    elif isinstance(run, RemotePath) and not (run / "manifest.json").exists():
        yield None
        return
    with open_catalog(whole) as con:
        yield con
