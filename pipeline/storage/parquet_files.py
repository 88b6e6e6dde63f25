"""Parquet of a run, read alike from a disk and from an address."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.storage.places import Place, near, near_file

SMALL = 4 << 20
"""Bytes of a table at an address that is copied whole to be read: to ask for its parts would take as long."""


def read_table(
    path: Place, columns: Sequence[str] | None = None, filters: Sequence[tuple[str, str, object]] | None = None
) -> pa.Table:
    """Return a Parquet file, or the rows of all Parquet files of a folder in the order of their names.

    `filters`: conditions that all rows meet, such as ("shard", "=", "a.tar"); row groups without any are not read. At
    an address only the columns that are asked for are read of a large one. Raises FileNotFoundError when there is none.

    >>> from pipeline.storage.files.atomic import write_table
    >>> from pipeline.storage.places import place
    >>> folder = place("memory://doctest-tables/media")
    >>> for name in "ba":
    ...     write_table(folder / f"{name}.parquet", pa.table({"unit": [name], "rows": [1]}))
    >>> read_table(folder, ["unit"]).to_pydict()
    {'unit': ['a', 'b']}
    """
    wanted = None if columns is None else list(columns)
    conditions = None if filters is None else list(filters)
    if isinstance(path, Path):
        return pq.read_table(path, columns=wanted, filters=conditions)
    if path.suffix == ".parquet":
        files = [near_file(path, SMALL)]
    else:
        files = near(path, "*.parquet", SMALL)
        if not files:
            raise FileNotFoundError(2, "No such file or directory", str(path))
    found = []
    for each in files:
        with each.open("rb") as file:
            found.append(pq.read_table(file, columns=wanted, filters=conditions))
    return found[0] if len(found) == 1 else pa.concat_tables(found)


def parquet_file(path: Place, dictionaries: Sequence[str] = (), pre_buffer: bool = True) -> pq.ParquetFile:
    """Return a Parquet file to read by row groups; at an address by ranges of it.

    `dictionaries`: columns of many equal texts, which are given as dictionaries. `pre_buffer`: whether what is read
    ahead is kept; without it a file of a disk that is gone through costs less memory.
    """
    path = near_file(path, SMALL)
    if isinstance(path, Path):
        return pq.ParquetFile(path, read_dictionary=list(dictionaries), pre_buffer=pre_buffer)
    return pq.ParquetFile(path.open(), read_dictionary=list(dictionaries))


def read_schema(path: Place) -> pa.Schema:
    """Return the schema of a Parquet file, with its metadata."""
    path = near_file(path, SMALL)
    return parquet_file(path).schema_arrow if not isinstance(path, Path) else pq.read_schema(path)


def row_count(path: Place) -> int:
    """Return the rows of a Parquet file, from its footer."""
    return int(parquet_file(path).metadata.num_rows)
