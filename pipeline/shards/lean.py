"""The Parquet file beside each shard of the lean layout: what KEY.json would tell, in the order of the samples."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.model.errors import VerifyError
from pipeline.shards.sample_json import SAMPLE_SCHEMA
from pipeline.storage.files.atomic import write_table
from pipeline.storage.places import Place, RemotePath, place


def samples_path(shard: str | os.PathLike[str]) -> Path:
    """Return the path of the Parquet file beside a shard.

    >>> samples_path("shards/demo-train-000000.tar").as_posix()
    'shards/demo-train-000000.parquet'
    """
    return Path(shard).with_suffix(".parquet")


def write_samples(shard: str | os.PathLike[str] | RemotePath, rows: Iterable[Mapping[str, Any]]) -> Place:
    """Write rows of SAMPLE_SCHEMA beside a shard, in the order of its samples, atomically; return the path."""
    path = place(shard).with_suffix(".parquet")
    write_table(path, pa.Table.from_pylist(list(rows), SAMPLE_SCHEMA))
    return path


def read_samples(shard: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """Return the rows beside a shard; raises VerifyError when they cannot be read or have another schema."""
    path = samples_path(shard)
    try:
        table = pq.ParquetFile(path).read()
    except (OSError, pa.ArrowException) as error:
        raise VerifyError(f"the file cannot be read: {error}", str(path), "the samples of a lean shard") from error
    if not table.schema.equals(SAMPLE_SCHEMA):
        raise VerifyError("the file has other columns or types", str(path), "those of the samples' schema")
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows
