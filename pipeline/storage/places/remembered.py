"""Remembering what lies in a folder at an address, for as long as nobody else writes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.storage.places.remote_path import RemotePath
from pipeline.storage.stores.remote_store import RemoteStore


@contextmanager
def remembering(root: RemotePath) -> Iterator[None]:
    """Remember, in this process and for the length of the block, what it writes below an address, of which it is sure.

    For whoever holds the lease (`pipeline.storage.stores.memory`).

    >>> root = RemotePath.of("memory://doctest-remembering/run")
    >>> with remembering(root):
    ...     (root / "a.json").write_text("{}")
    ...     root.store.delete("a.json")
    ...     (root / "a.json").exists()
    False
    """
    store = root.store
    assert isinstance(store, RemoteStore)
    store.memory.begin()
    try:
        yield
    finally:
        store.memory.end()


def freeze(folder: RemotePath, whether: bool = True) -> None:
    """Take a folder as one that is written no more, so that it is listed once; or, with False, as written again."""
    if isinstance(folder.store, RemoteStore):
        (folder.store.memory.freeze if whether else folder.store.memory.thaw)(folder.key)
