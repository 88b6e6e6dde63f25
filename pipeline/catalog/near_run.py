"""The tables of a finished run at an address, on this machine: links to copies, where they are small.

DuckDB asks a store for every file as often as a view over it is made or read. So the tables of a run that is no larger
than many a photograph are copied once, and its catalog is read as that of a disk is.
"""

from __future__ import annotations

import shutil
import weakref
from fnmatch import fnmatchcase
from pathlib import Path

from pipeline.catalog.build import patterns
from pipeline.storage.places import RemotePath
from pipeline.storage.places.copies import give
from pipeline.storage.places.machine_copies import copied
from pipeline.storage.places.scratch import lasting_folder
from pipeline.storage.stores.store import Entry

MOST = 64 << 20
"""Bytes of tables that are copied."""
_FILES = 2000
FURTHER = ("fetch/arrived/*.parquet", "likeness/kept/*.parquet", "shards/plan.parquet", "catalog.duckdb")
"""Tables that queries of ours read beside the views."""


class _Folder:
    """A folder that is there as long as this object."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.path = lasting_folder()
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


_LAST: dict[str, _Folder] = {}
"""The folder of each run that this process asked, with the version of its catalog."""


def near_run(root: RemotePath) -> Path | None:
    """Return a folder with the tables and the catalog of a run at an address; None where they are large.

    The catalog's views are looked for in it by their relative names. It is kept while the run's catalog stays what it
    is, and removed when this process ends.
    """
    written = (root / "catalog.duckdb").entry()
    if written is None:
        return None
    known = _LAST.get(str(root))
    if known is not None and known.version == written.version:
        return known.path
    found = _tables(root)
    if sum(MOST if entry.size is None else entry.size for entry in found.values()) > MOST:
        return None
    folder = _Folder(written.version)
    for name, entry in found.items():
        give(copied(root / name, entry), folder.path / name)
    _LAST[str(root)] = folder
    return folder.path


def _tables(root: RemotePath) -> dict[str, Entry]:
    """Return the files that the catalog reads, by one listing of a small run, else by one of each folder."""
    wanted = [*patterns(), *FURTHER]
    whole = root.few(_FILES)
    if whole is None:
        whole = {}
        for folder in dict.fromkeys(pattern.rpartition("/")[0] for pattern in wanted):
            if folder in ("", "shards"):
                names = [pattern.replace("[m]", "m") for pattern in wanted if pattern.rpartition("/")[0] == folder]
                entries = {name: (root / name).entry() for name in names}
                whole |= {name: entry for name, entry in entries.items() if entry is not None}
            else:
                whole |= {f"{folder}/{name}": entry for name, entry in (root / folder).listing().items()}
    return {
        name: entry
        for name, entry in whole.items()
        if any(fnmatchcase(name, pattern) and name.count("/") == pattern.count("/") for pattern in wanted)
    }
