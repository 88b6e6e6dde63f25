"""The pictures that are evaluated: keys, classes, lineages, splits, and columns to slice by; from a run or given."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from manifests.nearness import closest
from manifests.recipe import RANKS
from pipeline.evaluate.measures.lineages import Lineages, read_lineages
from pipeline.evaluate.measures.vectors import Codes, Flags
from pipeline.model.errors import EvaluationError
from pipeline.storage.statements import Statements

if TYPE_CHECKING:
    import duckdb

SLICED = ("source", "license_family", "license_id", "image_category")
"""Columns that accuracy is told by, of those that there are."""
VARIANTS = ("sex", "life_stage")
"""Columns whose two most frequent values are variants of a species."""
_CLASS = ("accepted_id", "accepted_name", *RANKS, "vernacular_name")
_WANTED = ("key", "record_id", "split", "group_id", *_CLASS, *SLICED, *VARIANTS)
_NEEDED = ("key", "accepted_id")
_SQL = Statements(__name__)


@dataclass(frozen=True, slots=True)
class Labelled:
    """Pictures in an order, one entry each, and their classes."""

    keys: tuple[str, ...]
    labels: Codes
    """int64[pictures]: numbers of classes."""
    classes: tuple[str, ...]
    """Ids of the accepted taxa that the numbers stand for, ascending."""
    lineages: Lineages
    names: tuple[str, ...] = ()
    """Accepted names of the classes."""
    vernaculars: tuple[str, ...] = ()
    """Common names of the classes, '' where there is none."""
    ranks: tuple[Mapping[str, str | None], ...] = ()
    """The seven ranks of each class, by name, as captions are made of them."""
    record_ids: tuple[str, ...] = ()
    """Ids of the records, by which scores are joined; empty where they are not known."""
    columns: Mapping[str, tuple[str | None, ...]] = field(default_factory=dict)
    """Values to slice by, `split`, and `group_id`: of pictures of one organism or scene, which tell nothing new of each
    other."""

    def __len__(self) -> int:
        return len(self.keys)

    def in_split(self, split: str) -> Flags:
        """Return which pictures are in a split; none where there are no splits."""
        values = self.columns.get("split")
        if values is None:
            return np.zeros(len(self), np.bool_)
        return np.array([value == split for value in values], np.bool_)

    def check_split(self, split: str) -> None:
        """Raise EvaluationError where no picture is in a split that was named."""
        sizes = Counter(value for value in self.columns.get("split", ()) if value is not None)
        if split in sizes:
            return
        near = closest(split, list(sizes))
        raise EvaluationError(
            f"there is no split {split!r}",
            where="the split whose pictures teach",
            expected="one of the splits " + ", ".join(f"{name} ({sizes[name]:,} pictures)" for name in sorted(sizes))
            if sizes
            else "none, as the pictures have no splits",
            remedy=f"did you mean {near!r}?" if near else "name one of them" if sizes else "leave --train out",
        )

    def groups(self) -> Codes:
        """Return the numbers of the groups; a picture without one is a group of its own."""
        given = self.columns.get("group_id") or (None,) * len(self)
        names = [f"k{key}" if group is None else f"g{group}" for key, group in zip(self.keys, given, strict=True)]
        return np.asarray(np.unique(np.array(names, np.str_), return_inverse=True)[1], np.int64)

    def take(self, rows: Codes) -> Labelled:
        """Return some of the pictures, in the given order, with all classes."""
        numbers = rows.tolist()
        return Labelled(
            tuple(self.keys[row] for row in numbers),
            self.labels[rows],
            self.classes,
            self.lineages,
            self.names,
            self.vernaculars,
            self.ranks,
            tuple(self.record_ids[row] for row in numbers) if self.record_ids else (),
            {name: tuple(values[row] for row in numbers) for name, values in self.columns.items()},
        )


def labelled(table: pa.Table) -> Labelled:
    """Return the pictures of a table with the columns `key` and `accepted_id`, in the order of their keys.

    What else there is of these columns is used: `record_id`, `accepted_name`, the seven ranks, `vernacular_name`,
    `split`, `group_id`, `source`, `license_family`, `license_id`, `image_category`, `sex`, `life_stage`. Raises
    EvaluationError for a table without rows, a missing or doubled key, a picture without a taxon, and a taxon of two
    lineages.

    >>> found = labelled(pa.table({"key": ["b", "a"], "accepted_id": ["2", "1"], "genus": ["Lynx", "Puma"]}))
    >>> found.keys, found.labels.tolist(), found.classes
    (('a', 'b'), [0, 1], ('1', '2'))
    """
    missing = [name for name in _NEEDED if name not in table.column_names]
    if missing or not table.num_rows:
        raise EvaluationError(
            f"the pictures have no column {missing[0]!r}" if missing else "there are no pictures",
            expected="a row for each picture, with its key and the id of its accepted taxon",
        )
    table = table.select([name for name in _WANTED if name in table.column_names])
    for name in _NEEDED:
        if table[name].null_count:
            raise EvaluationError(f"{table[name].null_count:,} pictures have no {name}", expected=f"{name} in each row")
    table = table.sort_by("key")
    keys = table["key"].cast(pa.string()).to_pylist()
    twice = next((one for one, other in pairwise(keys) if one == other), None)
    if twice is not None:
        raise EvaluationError(f"the key {twice!r} comes twice", expected="each picture once")
    described = [name for name in _CLASS if name in table.column_names]
    taxa = table.group_by(described, use_threads=False).aggregate([]).sort_by([(n, "ascending") for n in described])
    rows = _once(taxa.to_pylist())
    classes = tuple(str(row["accepted_id"]) for row in rows)
    labels = pc.index_in(table["accepted_id"].cast(pa.string()), pa.array(classes))
    columns = {
        name: tuple(table[name].cast(pa.string()).to_pylist())
        for name in ("split", "group_id", *SLICED, *VARIANTS)
        if name in table.column_names
    }
    return Labelled(
        keys=tuple(keys),
        labels=np.asarray(labels.combine_chunks(), np.int64),
        classes=classes,
        lineages=read_lineages(rows),
        names=tuple(str(row.get("accepted_name") or row["accepted_id"]) for row in rows),
        vernaculars=tuple(row.get("vernacular_name") or "" for row in rows),
        ranks=tuple({rank: row.get(rank) for rank in RANKS} for row in rows),
        record_ids=tuple(table["record_id"].to_pylist()) if "record_id" in table.column_names else (),
        columns=columns,
    )


def _once(taxa: list[dict[str, str | None]]) -> list[dict[str, str | None]]:
    """Return each taxon once, with the first of its common names; its lineage may not differ between pictures."""
    found: dict[str, dict[str, str | None]] = {}
    for row in taxa:
        taxon = str(row["accepted_id"])
        before = found.setdefault(taxon, row)
        for rank in RANKS:
            if (row.get(rank) or "") != (before.get(rank) or ""):
                raise EvaluationError(
                    f"the taxon {taxon!r} has two lineages",
                    where=f"{rank}: {before.get(rank)!r} and {row.get(rank)!r}",
                    expected="one lineage for each accepted taxon",
                )
        if not before.get("vernacular_name"):
            found[taxon] = row
    return [found[taxon] for taxon in sorted(found)]


def read_run(where: str | os.PathLike[str]) -> Labelled:
    """Return all samples of a run, of its catalog where there is one, else of its shards' manifest.

    `where` as in `pipeline.feed.Feed`. Beside shards without a catalog there are no columns `license_family`,
    `image_category`, `sex` and `life_stage`. Raises EvaluationError where nothing can be read.
    """
    from pipeline.catalog import open_catalog
    from pipeline.feed.feed import located
    from pipeline.storage.parquet_files import read_table
    from pipeline.storage.places import place

    text = os.fspath(where)
    given = place(text)
    folder, run = located(str(given) if isinstance(given, Path) else text)
    with reading_samples(folder):
        if run is not None:
            with open_catalog(run) as con:
                return labelled(_asked(con))
        manifest = place(f"{folder}/manifest.parquet")
        return labelled(read_table(manifest))


@contextmanager
def reading_samples(folder: str) -> Iterator[None]:
    """Raise EvaluationError where the samples of a folder cannot be read."""
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise EvaluationError(
            f"the samples cannot be read: {' '.join(str(error).split())[:200]}",
            where=folder,
            expected="the folder of a finished run, or of its shards",
            remedy="biomill status RUN says where a run stands",
        ) from error


def _asked(con: duckdb.DuckDBPyConnection) -> pa.Table:
    there = {row[0] for row in con.execute(_SQL("columns")).fetchall()}
    return con.sql(_SQL("samples", columns=[name for name in _WANTED if name in there])).to_arrow_table()
