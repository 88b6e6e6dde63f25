"""Images of other runs that are taken instead of fetched, where workers do not see those runs' folders."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.media.reuse import REUSE_SCHEMA
from pipeline.storage.parquet_files import parquet_file
from pipeline.storage.places import Place
from pipeline.storage.places.publisher import Publisher
from pipeline.storage.row_groups import row_group_writer


def publish_reused(path: Place, publisher: Publisher, group_rows: int) -> None:
    """Publish the blobs that a table of earlier answers takes images from, and name them in it.

    What lies at an address already stays there. `group_rows`: rows of the table's row groups.
    Raises StorageError when a blob cannot be read, or be written there.
    """
    wanted: dict[str, set[str]] = {}
    for group in _groups(path):
        stored = group.filter(pc.greater(pc.fill_null(group["length"], 0), 0))
        for folder, unit in zip(stored["folder"].to_pylist(), stored["unit"].to_pylist(), strict=True):
            wanted.setdefault(folder, set()).add(f"{unit}.bin")
    texts = {
        folder: publisher.folder(Path(folder) / "blobs", sorted(names)).text()
        for folder, names in wanted.items()
        if "://" not in folder
    }
    if not texts:
        return
    with row_group_writer(path, REUSE_SCHEMA, group_rows) as write:
        for group in _groups(path):
            folders = pa.array([texts.get(folder, folder) for folder in group["folder"].to_pylist()], pa.string())
            write(group.set_column(group.column_names.index("folder"), "folder", folders).cast(REUSE_SCHEMA))


def _groups(path: Place) -> Iterator[pa.Table]:
    with parquet_file(path) as file:
        for number in range(file.num_row_groups):
            yield file.read_row_group(number)
