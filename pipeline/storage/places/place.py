"""One way to name what lies on a disk and what lies at an address."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from pipeline.storage.files.failures import FailureKind
from pipeline.storage.places.remote_path import PATIENCE, RemotePath
from pipeline.storage.stores.local_store import LocalStore
from pipeline.storage.stores.opening import open_store
from pipeline.storage.stores.store import Span
from pipeline.storage.stores.store_error import StoreError

Place = Path | RemotePath
"""A file or folder of a run: on a disk exactly what `pathlib` gives."""


def place(address: str | os.PathLike[str] | RemotePath) -> Place:
    """Return the path of a folder, or of an address with a scheme ('s3://bucket/run'; 'file:///data' is a folder).

    Raises StorageError when fsspec cannot open the address, or it has lost a slash.

    >>> place("out/run"), str(place("memory://b/run"))
    (PosixPath('out/run'), 'memory://b/run')
    """
    if isinstance(address, RemotePath):
        return address
    store = open_store(address, patience=PATIENCE)
    if not isinstance(store, LocalStore):
        return RemotePath(store)
    return store.folder if "://" in os.fspath(address) else Path(address)


def matching(folder: Place, pattern: str) -> list[Place]:
    """Return the files below a folder that match a pattern of '/'-separated parts, in the order of names."""
    if isinstance(folder, Path):
        return sorted(folder.glob(pattern))
    return list(folder.glob(pattern))


def remove_tree(folder: Place) -> None:
    """Remove a folder and all that lies in it; one that is not there is no failure."""
    if isinstance(folder, Path):
        shutil.rmtree(folder, ignore_errors=True)
        return
    for name in folder.listing():
        (folder / name).unlink()


def size_of(file: Place) -> int:
    """Return the bytes of a file; raises FileNotFoundError when it is not there."""
    if isinstance(file, Path):
        return file.stat().st_size
    entry = file.entry()
    if entry is None:
        raise FileNotFoundError(2, "No such file or directory", str(file))
    return len(file.read_bytes()) if entry.size is None else entry.size


def read_stretch(file: Place, offset: int, length: int) -> bytes | None:
    """Return bytes of a file, by one request of one at an address; None when there is no such file.

    Raises StoreError for one at an address that cannot be read, or ends before.

    >>> folder = place("memory://doctest-stretch")
    >>> (folder / "a").write_bytes(b"0123456789")
    >>> read_stretch(folder / "a", 2, 3), read_stretch(folder / "b", 2, 3)
    (b'234', None)
    """
    if isinstance(file, Path):
        try:
            with file.open("rb") as handle:
                handle.seek(offset)
                return handle.read(length)
        except FileNotFoundError:
            return None
    try:
        return file.store.spans([Span(file.key, offset, offset + length)])[0]
    except StoreError as error:
        if error.kind is FailureKind.MISSING:
            return None
        raise


def modified(file: Place) -> float:
    """Return when a file was written, in seconds since 1970 by the clock of its disk or store."""
    return file.stat().st_mtime if isinstance(file, Path) else file.store.modified(file.key)


def upload(source: Path, target: RemotePath) -> None:
    """Copy a file of this machine to an address, where it is whole or absent."""
    target.store.put(target.key, source)


def address_of(where: Place) -> str:
    """Return the text that `place` makes the same of, in any process: an absolute path, or the address."""
    return str(where.absolute())
