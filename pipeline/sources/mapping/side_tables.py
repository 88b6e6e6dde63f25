"""Side tables: small tables of a release that every bucket looks things up in, written once and mapped into memory.

They lie in the spool as Arrow files, so that many workers on one machine share their pages, and a look-up touches only
the pages that it needs.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.sources.mapping import columns as c
from pipeline.sources.release.base import Release
from pipeline.storage.files.atomic import atomic_path

_KEY = r"^[0-9]{1,18}$"


def keys_as_numbers(keys: pa.Array) -> pa.Array:
    """Read whole, non-negative keys; what is none is null.

    >>> keys_as_numbers(pa.array(["12", "012", "x", None])).to_pylist()
    [12, 12, None, None]
    """
    return pc.if_else(pc.match_substring_regex(keys, _KEY), keys, None).cast(pa.int64())


def sorted_by_key(table: pa.Table, key: str) -> pa.Table:
    """Return the rows with a whole number as key, sorted by it; of rows with one key the first by content stays."""
    numbers = keys_as_numbers(c.text(table, key))
    numbered = table.set_column(table.column_names.index(key), key, numbers).filter(pc.is_valid(numbers))
    others = [name for name in numbered.column_names if name != key]
    ordered = numbered.sort_by([(name, "ascending") for name in (key, *others)]).combine_chunks()
    keys = np.asarray(ordered.column(key))
    first = np.ones(len(keys), dtype=bool)
    first[1:] = keys[1:] != keys[:-1]
    return ordered.filter(pa.array(first)).combine_chunks()


def save(table: pa.Table, path: Path) -> None:
    """Write a side table, whole or not at all."""
    with atomic_path(path) as temporary, pa.ipc.new_file(str(temporary), table.schema) as writer:
        writer.write_table(table.combine_chunks(), max_chunksize=max(1, table.num_rows))


def load(release: Release, name: str) -> pa.Table | None:
    """Return a side table of the release's spool, mapped into memory; None when there is none."""
    spool = release.facts.get("spool")
    path = Path(spool) / name if spool else None
    if path is None or not path.exists():
        return None
    state = path.stat()
    return _mapped(str(path), state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=8)
def _mapped(path: str, size: int, changed: int) -> pa.Table:
    return pa.ipc.open_file(pa.memory_map(path)).read_all()


def find(table: pa.Table, key: str, keys: pa.Array) -> pa.Table:
    """Return, for each key, its row of a table that `sorted_by_key` made; a row of nulls where there is none."""
    wanted = keys_as_numbers(keys)
    return table.take(positions(np.asarray(table.column(key).combine_chunks()), wanted))


def positions(known: NDArray[np.int64], wanted: pa.Array) -> pa.Array:
    """Return the place of each key among sorted keys, null where it is not among them.

    >>> positions(np.array([3, 7]), pa.array([7, 4, None])).to_pylist()
    [1, None, None]
    """
    values = np.asarray(pc.fill_null(wanted, -1))
    at = np.searchsorted(known, values)
    found = at < len(known)
    found[found] = known[at[found]] == values[found]
    return pa.array(at, pa.int64(), mask=~found)
