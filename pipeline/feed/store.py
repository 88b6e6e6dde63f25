"""Where shards lie, for the reader: a store of the one family, whose failures are told in the feed's own words."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pipeline.model.errors import FeedError
from pipeline.storage.stores import Entry, FailureKind, LocalStore, Span, Store, StoreError
from pipeline.storage.stores import open_store as open_place

__all__ = ["Entry", "ShardStore", "Span", "open_store"]
_VERIFY = "find out what is wrong: biomill verify RUN"


class ShardStore:
    """A folder of shards, near or far. Survives pickling and forking, as the store behind it does."""

    def __init__(self, store: Store) -> None:
        self._store, self.where = store, store.where

    @property
    def folder(self) -> Path | None:
        """The folder of this machine that they lie in; None where they are far."""
        return self._store.folder if isinstance(self._store, LocalStore) else None

    def read(self, name: str) -> bytes:
        """Return a whole (small) file; raise FeedError when it cannot be read."""
        try:
            return self._store.read(name)
        except StoreError as error:
            raise _told(error) from error

    def entry(self, name: str) -> Entry:
        """Return size and version of a file; raise FeedError when it is not there, or the store cannot say."""
        try:
            found = self._store.entry(name)
        except StoreError as error:
            raise _told(error) from error
        if found is None:
            where = f"{self.where}/{name}"
            raise FeedError("the file cannot be read: there is none", where, "a file beside the shards", _VERIFY)
        return found

    @contextmanager
    def local(self, name: str) -> Iterator[tuple[Path, str]]:
        """Yield a path of this machine and the SHA-256 of what lies there; what is far is copied for so long.

        Raises FeedError when it cannot be read, StorageError when the copy cannot be written.
        """
        try:
            if self.folder is not None:
                yield self.folder / name, self._store.digest(name)
                return
            with tempfile.TemporaryDirectory(prefix="biomill-") as temporary:
                copy = Path(temporary) / name
                self._store.get(name, copy)
                yield copy, LocalStore(Path(temporary)).digest(name)
        except StoreError as error:
            raise _told(error) from error

    def spans(self, wanted: Sequence[Span]) -> list[bytes]:
        """Return the bytes of every span, in order; raise FeedError when one cannot be read or is short."""
        try:
            return self._store.spans(wanted)
        except StoreError as error:
            raise _told(error) from error


def open_store(where: str | os.PathLike[str]) -> ShardStore:
    """Return the store of a local folder, or of an address with a scheme such as 's3://bucket/shards'.

    Raises FeedError when the folder does not exist, StorageError when fsspec cannot open the address.

    >>> open_store("/nowhere/shards")
    Traceback (most recent call last):
        ...
    pipeline.model.errors.FeedError: no such folder of shards
      where:  /nowhere/shards
    """
    store = open_place(where)
    if isinstance(store, LocalStore) and not store.folder.is_dir():
        raise FeedError("no such folder of shards", os.fspath(where))
    return ShardStore(store)


def _told(error: StoreError) -> FeedError:
    if error.kind is FailureKind.SHORT:
        return FeedError(
            f"the shard ends early: {error.reason}",
            error.where,
            "the shard that the manifest was written with",
            _VERIFY,
        )
    remedy = _VERIFY if error.kind is FailureKind.MISSING else error.remedy
    return FeedError(f"the file cannot be read: {error.reason}", error.where, "a file beside the shards", remedy)
