"""What every store can do: a place with named files, near or far."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pipeline.storage.files.atomic import atomic_path, storage_error
from pipeline.storage.stores.store_error import name_error

CHUNK = 1 << 20
_DIGESTED = 1 << 22


class Span(NamedTuple):
    """Bytes `start` to `end` (excluded) of a file."""

    name: str
    start: int
    end: int
    key: str = ""
    """Sample that lies there, or begins there; said in errors."""

    def within(self, where: str) -> str:
        """Return the place of the span in a store, for errors.

        >>> Span("a.tar", 512, 600, "k1").within("s3://b")
        's3://b/a.tar, byte 512, key k1'
        """
        return f"{where}/{self.name}, byte {self.start}" + (f", key {self.key}" if self.key else "")


@dataclass(frozen=True, slots=True)
class Entry:
    """A file as its store lists it."""

    name: str
    """Path below the address of the store; '' for the address itself, where it is a file."""
    size: int | None
    """Bytes; None where the store does not say."""
    version: str
    """What the store says of the file's state (ETag, generation, times): while it is equal, so is the content.

    Comparable among listings, and among looks at single files; some file systems of fsspec word the two differently.
    """
    md5: str = ""
    """What the store gives as the MD5 of the content, in hex; '' where it gives none. Whatever it is, it is another one
    for other content."""


class Store(ABC):
    """Files below one address, by name.

    Names are paths with '/' between their parts, taken as they are: spaces, '#', '?' and any script are part of them.
    A name that would lead out of the place ('..', a leading '/') names nothing. The name '' is the address itself, for
    a place that is one file; it can be read, not written.

    What a store promises:

    - A file that is written is whole under its name or not there, and replaces what was there. On a disk that is a
      temporary name, synced and renamed; in an object store one upload, which is visible when it is complete. File
      systems behind fsspec that are neither (sftp, smb, ...) promise only what they do themselves.
    - Nothing is renamed, appended to or changed in place, since object stores can do none of it: what must appear
      last, such as a mark that all is done, is written last.
    - Listings, sizes and versions are asked for anew each time. What is listed may have changed when it is read:
      compare versions, or digests.
    - A file that was written is found by the next read and the next listing, of this process and of others. Only spans
      of a folder may go on reading a file that another store has replaced since they first read it.
    - Every failure, of whatever client, is a StoreError that says whether the file is missing, refused or failed.
    - A store survives pickling and forking; it opens what it needs again. It may be used from several threads.
    """

    where: str
    """The address as it was given, without a '/' at its end; of a local folder, its absolute path."""

    @abstractmethod
    def read(self, name: str, limit: int | None = None) -> bytes:
        """Return a whole (small) file; raise StoreError when it cannot be read, or has more than `limit` bytes."""

    @abstractmethod
    def spans(self, wanted: Sequence[Span]) -> list[bytes]:
        """Return the bytes of every span, in order; raise StoreError when one cannot be read or is short.

        Spans of one call are read at the same time where the store can.
        """

    @abstractmethod
    def stream(self, name: str, chunk: int | None = None) -> Generator[bytes, None, None]:
        """Yield a file's bytes in parts of at most `chunk` (default 1 MiB); raise StoreError at the part that fails.

        Whoever stops before the end has read little more than was used. With `chunk` no more is asked for at a time.
        """

    @abstractmethod
    def entry(self, name: str) -> Entry | None:
        """Return size and version of a file; None when there is none of that name (a folder is none)."""

    @abstractmethod
    def listing(self, below: str = "") -> dict[str, Entry]:
        """Return every file below the address, or below a folder of it, by name; what is not there holds nothing.

        Names are paths below the address, whatever `below` is, and what the store says: those of an object store may
        lead out of a folder ('a/../../b'), and only `name_problem` tells.
        """

    def few(self, below: str, most: int) -> dict[str, Entry] | None:
        """Return what `listing` does, where it is known to be fewer than `most` files; else None."""
        return None

    @abstractmethod
    def write(self, name: str, data: bytes) -> None:
        """Write a small file; raise StoreError when it cannot be written."""

    @abstractmethod
    def create(self, name: str, data: bytes) -> bool:
        """Write a small file unless there is one of that name; return whether it was written.

        Of several that create a name at the same time one alone is told that it did: on a disk the kernel decides, in
        S3 and Google's and Azure's stores a conditional request. File systems behind fsspec that know no such request
        are asked whether the file is there first.
        """

    @abstractmethod
    def modified(self, name: str) -> float:
        """Return when a file was written, in seconds since 1970 by the clock of the store.

        Raises StoreError when the file is not there, or the store does not say.
        """

    @abstractmethod
    def put(self, name: str, source: Path) -> None:
        """Copy a file of this machine into the store; raise StoreError when it cannot be written."""

    @abstractmethod
    def delete(self, name: str) -> None:
        """Delete a file; one that is not there is no failure. Raise StoreError when it cannot be deleted."""

    @abstractmethod
    def _copy_to(self, name: str, path: Path) -> None:
        """Copy a file over a local one; raise StoreError for what the store fails at, OSError for the local disk."""

    def get(self, name: str, target: Path) -> None:
        """Copy a file to a path of this machine, where it is whole or absent.

        Raises StoreError when it cannot be read, StorageError when it cannot be written here.
        """
        try:
            with atomic_path(target) as temporary:
                temporary.touch()  # what the disk refuses is told from what the store refuses
                self._copy_to(name, temporary)
        except OSError as error:
            raise storage_error(error, target) from error

    def exists(self, name: str) -> bool:
        """Return whether there is a file of that name; raise StoreError when the store cannot say."""
        return self.entry(name) is not None

    def there(self, name: str) -> bool:
        """Return whether there is a file of that name, or a folder that holds one."""
        return self.exists(name) or self.holds(name)

    def digest(self, name: str) -> str:
        """Return the SHA-256 of a file, read as a stream."""
        digest = hashlib.sha256()
        for part in self.stream(name, _DIGESTED):
            digest.update(part)
        return digest.hexdigest()

    def holds(self, folder: str) -> bool:
        """Return whether any file lies in a folder; raise StoreError when the store cannot say."""
        return bool(self.listing(folder))

    def check_name(self, name: str, itself: bool = True) -> None:
        """Raise StoreError for a name that cannot be one of this store; `itself`: '' may stand for the address."""
        if name or not itself:
            problem = name_problem(name)
            if problem:
                raise name_error(name, problem, self.where)


def name_problem(name: str) -> str:
    r"""Return why a path cannot be the name of a file in a store; '' when it can.

    >>> name_problem("a b/#1?.jpg"), name_problem("a/../../b"), name_problem("/etc/passwd")
    ('', 'the path leads out of the store', 'the path leads out of the store')
    """
    if not name or "\0" in name:
        return "an empty path, or one with a null character"
    if name.startswith("/") or ".." in name.split("/"):
        return "the path leads out of the store"
    return ""
