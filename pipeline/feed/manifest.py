"""What the reader knows of the shards: one row per sample, in the order of the manifest, held as arrays.

Memory: some 90 bytes a sample, most of them the key.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from manifests.recipe import RANKS
from pipeline.feed.headers import HEADER
from pipeline.feed.store import ShardStore, Span
from pipeline.model.errors import FeedError
from pipeline.shards.captions import Captions, captions

MANIFEST = "manifest.parquet"
_SLICE = 1 << 16
_SHARD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\.tar")
_PLACE = ("key", "shard", "jpg_offset", "jpg_length", "split", "accepted_id")
_NAMES = (*RANKS, "vernacular_name")


@dataclass(frozen=True, slots=True)
class Manifest:
    """The selected samples of a dataset; all arrays have one entry per sample."""

    digest: str
    """SHA-256 of the manifest file."""
    keys: pa.Array
    shards: tuple[str, ...]
    shard: npt.NDArray[np.int32]
    """Number of the sample's shard in `shards`."""
    start: npt.NDArray[np.int64]
    """First byte of the sample's JPEG in its shard."""
    length: npt.NDArray[np.int64]
    """Bytes of the JPEG."""
    taxa: tuple[str, ...]
    taxon: npt.NDArray[np.int32]
    """Number of the sample's accepted taxon in `taxa`."""
    names: pa.Table
    """Distinct lineages with their common name: the seven ranks and `vernacular_name`."""
    name: npt.NDArray[np.int32]
    """Row of the sample in `names`; what is made from a caption, such as tokens, is made once per row of it."""
    _texts: dict[int, Captions] = field(default_factory=dict, compare=False)

    def __len__(self) -> int:
        return int(self.shard.size)

    def span(self, row: int) -> Span:
        """Return where a sample's JPEG lies."""
        start = int(self.start[row])
        return Span(self.shards[self.shard[row]], start, start + int(self.length[row]))

    def key(self, row: int) -> str:
        """Return a sample's key."""
        return str(self.keys[row].as_py())

    def captions(self, name: int) -> Captions:
        """Return the five captions of a row of `names`, as the shards hold them."""
        if name not in self._texts:
            ranks = {column: self.names.column(column)[name].as_py() for column in _NAMES}
            self._texts[name] = captions(ranks, ranks.pop("vernacular_name"))
        return self._texts[name]

    def selection(self) -> str:
        """Return a digest of which samples were selected."""
        digest = hashlib.sha256()
        for start in range(0, len(self), _SLICE):
            digest.update("".join(f"{key}\n" for key in self.keys.slice(start, _SLICE).to_pylist()).encode())
        return digest.hexdigest()


def read_manifest(store: ShardStore, split: str = "", where: str = "", catalog: Path | None = None) -> Manifest:
    """Read the manifest beside the shards, and select: a split ('' for all), and a condition in SQL.

    `where` is a condition on the view `samples`, or a SELECT that gives a column `key`. With `catalog` (the folder of a
    run) it may ask for everything in the run's catalog; else `samples` are the columns of the manifest. Nothing is
    written. Raises FeedError when the manifest is missing or is none, and when nothing is selected.
    """
    data = store.read(MANIFEST)
    # Without a condition on the manifest itself, its other columns need not be held.
    columns = None if where and catalog is None else (*_PLACE, *_NAMES)
    table = _table(data, f"{store.where}/{MANIFEST}", columns)
    if where:
        chosen = _selected(table, where, catalog)
        table = table.filter(pc.is_in(table.column("key"), value_set=chosen))
    if split:
        table = table.filter(pc.equal(table.column("split"), split))
    if not table.num_rows:
        raise FeedError(
            "no sample is selected",
            store.where,
            f"samples of split {split!r}" + (f" where {where}" if where else ""),
            "correct the split or the condition",
        )
    shards, shard = _numbered(table.column("shard"))
    for file in shards:
        if not _SHARD.fullmatch(file):
            raise FeedError(f"{file!r} cannot be the name of a shard", f"{store.where}/{MANIFEST}", "NAME.tar")
    taxa, taxon = _numbered(pc.fill_null(table.column("accepted_id"), ""))
    names, name = _lineages(table)
    return Manifest(
        hashlib.sha256(data).hexdigest(),
        table.column("key").combine_chunks(),
        shards,
        shard,
        table.column("jpg_offset").to_numpy(),
        table.column("jpg_length").to_numpy(),
        taxa,
        taxon,
        names,
        name,
    )


def _table(data: bytes, where: str, columns: Sequence[str] | None) -> pa.Table:
    """Return the manifest in the order of shards and of places in them, which is that in which it is written."""
    try:
        file = pq.ParquetFile(io.BytesIO(data))
        missing = [name for name in (*_PLACE, *_NAMES) if name not in file.schema_arrow.names]
        if missing:
            raise FeedError(
                f"the manifest has no column {missing[0]!r}",
                where,
                "a manifest of this version of Biomill",
                "run the same `biomill run` command again: it writes the shards stage anew",
            )
        table = file.read(columns=columns)
    except (pa.ArrowException, OSError) as error:
        raise FeedError(f"the file is not Parquet: {error}", where, "the manifest of a dataset") from error
    _check_places(table, where)
    shard, start = _numbered(table.column("shard"))[1].astype(np.int64), table.column("jpg_offset").to_numpy()
    later = (np.diff(shard) > 0) | ((np.diff(shard) == 0) & (np.diff(start) > 0))
    return table if later.all() else table.take(pa.array(np.lexsort((start, shard))))


def _check_places(table: pa.Table, where: str) -> None:
    """Raise FeedError for a place at which no image behind a tar header can lie."""
    offset, length = table.column("jpg_offset"), table.column("jpg_length")
    possible = pc.and_(pc.greater_equal(offset, HEADER), pc.greater(length, 0))
    wrong = pc.fill_null(pc.invert(possible), True).combine_chunks().to_numpy(zero_copy_only=False).nonzero()[0]
    if wrong.size:
        row = int(wrong[0])
        raise FeedError(
            f"no image can lie at byte {offset[row]} with {length[row]} bytes",
            f"{where}, key {table.column('key')[row]}, and {wrong.size - 1:,} more",
            f"an offset of at least {HEADER}, and at least one byte",
            "find out what is wrong: biomill verify RUN",
        )


def _selected(table: pa.Table, where: str, catalog: Path | None) -> pa.Array:
    """Return the keys that the condition selects."""
    import duckdb

    from pipeline.catalog import open_catalog

    query = where if where.lstrip().upper().startswith(("SELECT ", "WITH ")) else f"FROM samples WHERE {where}"
    try:
        if catalog is not None:
            with open_catalog(catalog) as con:
                return _keys(con, query)
        con = duckdb.connect(":memory:", config={"enable_external_access": "false"})
        try:
            con.register("samples", table)
            return _keys(con, query)
        finally:
            con.close()
    except duckdb.Error as error:
        raise FeedError(
            f"the condition cannot be answered: {error}",
            f"where: {where}",
            "SQL that is true or false of a row of `samples`, or a SELECT that gives a column `key`",
            'try it first: biomill sql RUN "SELECT count(*) FROM samples WHERE …"',
        ) from error


def _keys(con: Any, query: str) -> pa.Array:
    found = con.sql(f"SELECT key FROM ({query})").to_arrow_table().column("key")
    return pc.unique(found.cast(pa.string()))


def _numbered(column: pa.ChunkedArray) -> tuple[tuple[str, ...], npt.NDArray[np.int32]]:
    """Return the distinct values in order, and each row's number among them."""
    values: Sequence[str] = sorted(pc.unique(column).to_pylist())
    numbers = pc.index_in(column, value_set=pa.array(values, pa.string())).to_numpy()
    return tuple(values), numbers.astype(np.int32)


def _lineages(table: pa.Table) -> tuple[pa.Table, npt.NDArray[np.int32]]:
    """Return the distinct lineages in order, and each row's number among them."""
    numbers = np.zeros(table.num_rows, np.int64)
    for column in _NAMES:
        values, codes = _numbered(pc.fill_null(table.column(column), ""))
        # Renumbered at every rank, so that the product of their counts cannot overflow.
        numbers = np.unique(numbers * len(values) + codes, return_inverse=True)[1].astype(np.int64)
    first = np.full(int(numbers.max()) + 1, table.num_rows, np.int64)
    np.minimum.at(first, numbers, np.arange(table.num_rows))
    return table.select(list(_NAMES)).take(pa.array(first)), numbers.astype(np.int32)
