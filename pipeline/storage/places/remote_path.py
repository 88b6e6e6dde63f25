"""A file or folder of an object store, named as `pathlib` names those of a disk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import IO, Any

from pipeline.storage.files.failures import FailureKind
from pipeline.storage.places.copies import adopt, home_of
from pipeline.storage.places.scratch import scratch_folder
from pipeline.storage.stores.opening import open_store
from pipeline.storage.stores.ranged_file import opened
from pipeline.storage.stores.store import Entry, Store
from pipeline.storage.stores.store_error import StoreError

PATIENCE = 60.0
"""Seconds in which a store that is busy or cannot be reached is asked again."""
_WILD = frozenset("*?[")


class RemotePath:
    """Takes the calls of `pathlib.Path` that the pipeline uses, so that code which names files serves both.

    It is no `os.PathLike`: what opens files of this machine refuses it, instead of writing into a folder 's3:'. Files
    are whole or absent, folders are beginnings of names, and nothing can be renamed or appended to. What fails is a
    StoreError, except that reading what is not there raises FileNotFoundError, as on a disk.

    >>> run = RemotePath.of("memory://doctest-path/run")
    >>> (run / "ingest" / "_done.json").write_text("{}")
    >>> done, = run.glob("*/_done.json")
    >>> str(done), done.name, done.parent.name, done.exists(), (run / "screen" / "_done.json").exists()
    ('memory://doctest-path/run/ingest/_done.json', '_done.json', 'ingest', True, False)
    """

    __slots__ = ("key", "store")

    def __init__(self, store: Store, key: str = "") -> None:
        """`key`: the name of the file below the address of its store; '' the address itself."""
        self.store, self.key = store, key

    @classmethod
    def of(cls, address: str) -> RemotePath:
        """Return the path of an address such as 's3://bucket/run'. Raises StorageError when fsspec cannot open it."""
        return cls(open_store(address, patience=PATIENCE))

    def __truediv__(self, name: str | PurePosixPath) -> RemotePath:
        added = PurePosixPath(name).as_posix()
        return self if added == "." else RemotePath(self.store, f"{self.key}/{added}" if self.key else added)

    def __str__(self) -> str:
        return f"{self.store.where}/{self.key}" if self.key else self.store.where

    def __repr__(self) -> str:
        return f"RemotePath({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RemotePath) and str(self) == str(other)

    def __lt__(self, other: RemotePath) -> bool:
        return str(self) < str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel as names: the store opens its connection anew."""
        return RemotePath, (self.store, self.key)

    @property
    def name(self) -> str:
        """The last part of the name."""
        return str(self).rpartition("/")[2]

    @property
    def stem(self) -> str:
        """The last part without its suffix."""
        return PurePosixPath(self.name).stem

    @property
    def suffix(self) -> str:
        """The suffix of the last part, such as '.parquet'."""
        return PurePosixPath(self.name).suffix

    @property
    def parent(self) -> RemotePath:
        """The folder that it lies in; above the address of its store, that of the next part."""
        if self.key:
            return RemotePath(self.store, self.key.rpartition("/")[0])
        return RemotePath.of(self.store.where.rpartition("/")[0])

    def with_suffix(self, suffix: str) -> RemotePath:
        """Return the path with another suffix."""
        return self.parent / PurePosixPath(self.name).with_suffix(suffix).as_posix()

    def with_name(self, name: str) -> RemotePath:
        """Return the path with another last part."""
        return self.parent / name

    def as_posix(self) -> str:
        """Return the address."""
        return str(self)

    def absolute(self) -> RemotePath:
        """Return the path: an address is always whole."""
        return self

    def relative_to(self, folder: RemotePath) -> PurePosixPath:
        """Return the name below a folder; raises ValueError when it does not lie in it."""
        return PurePosixPath(str(self)).relative_to(PurePosixPath(str(folder)))

    def entry(self) -> Entry | None:
        """Return size and version of the file; None when there is none of that name."""
        return self.store.entry(self.key)

    def exists(self) -> bool:
        """Return whether there is a file of that name, or a folder that holds one."""
        return self.store.there(self.key)

    def is_file(self) -> bool:
        """Return whether there is a file of that name."""
        return self.entry() is not None

    def is_dir(self) -> bool:
        """Return whether any file lies below the name."""
        return self.store.holds(self.key)

    def listing(self) -> dict[str, Entry]:
        """Return every file below the name, in the order of names, by its name below it: one listing of the store."""
        return self._below(self.store.listing(self.key)) or {}

    def _below(self, found: dict[str, Entry] | None) -> dict[str, Entry] | None:
        cut = len(self.key) + 1 if self.key else 0
        return None if found is None else {name[cut:]: entry for name, entry in sorted(found.items())}

    def few(self, most: int) -> dict[str, Entry] | None:
        """Return what `listing` does, where they are known to be fewer than `most` files; else None."""
        return self._below(self.store.few(self.key, most))

    def glob(self, pattern: str) -> Iterator[RemotePath]:
        """Yield the files below that match a pattern of '/'-separated parts, in the order of names: one listing."""
        folder, rest = self, pattern.split("/")
        while len(rest) > 1 and not _WILD & set(rest[0]):
            folder /= rest.pop(0)
        for name in folder.listing():
            parts = name.split("/")
            if len(parts) == len(rest) and all(map(fnmatchcase, parts, rest)):
                yield folder / name

    def rglob(self, pattern: str) -> Iterator[RemotePath]:
        """Yield the files at any depth below whose last part matches, in the order of names."""
        for name in self.listing():
            if fnmatchcase(name.rpartition("/")[2], pattern):
                yield self / name

    def iterdir(self) -> Iterator[RemotePath]:
        """Yield the files and folders that lie in the folder, in the order of names."""
        for name in dict.fromkeys(name.partition("/")[0] for name in self.listing()):
            yield self / name

    def read_bytes(self) -> bytes:
        """Return the whole file."""
        with _as_on_a_disk(self):
            return self.store.read(self.key)

    def read_text(self, encoding: str = "utf-8") -> str:
        """Return the whole file as text."""
        return self.read_bytes().decode(encoding)

    def write_bytes(self, data: bytes) -> None:
        """Write a small file, whole."""
        self.store.write(self.key, data)

    def create(self, data: bytes) -> bool:
        """Write a small file unless there is one of that name; return whether it was written."""
        return self.store.create(self.key, data)

    def write_text(self, text: str, encoding: str = "utf-8") -> None:
        """Write a small file of text, whole."""
        self.store.write(self.key, text.encode(encoding))

    def digest(self) -> str:
        """Return the SHA-256 of the file, read as a stream, or from a copy of this machine that is there."""
        entry = self.entry()
        if entry is not None and entry.md5:
            copy = home_of(str(self), entry.size, entry.version, entry.md5) / self.name
            with suppress(OSError), copy.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        with _as_on_a_disk(self):
            return self.store.digest(self.key)

    def open(self, mode: str = "rb") -> IO[bytes]:
        """Return the file to read from any position; only what is read is asked for. Other modes raise ValueError."""
        if mode != "rb":
            raise ValueError(f"a file of a store is read ('rb') or written whole, not opened with {mode!r}")
        with _as_on_a_disk(self):
            return opened(self.store, self.key)

    def unlink(self, missing_ok: bool = True) -> None:
        """Delete the file; one that is not there is no failure, as a store does not say."""
        self.store.delete(self.key)

    def mkdir(self, parents: bool = True, exist_ok: bool = True) -> None:
        """Do nothing: a folder is there when a file is."""

    @contextmanager
    def written(self) -> Iterator[Path]:
        """Yield a path of this machine to write; its file is uploaded, once, when the block ends well."""
        with scratch_folder() as folder:
            scratch = folder / (self.name or "file")
            yield scratch
            self.store.put(self.key, scratch)
            adopt(scratch, scratch.name)


@contextmanager
def _as_on_a_disk(path: RemotePath) -> Iterator[None]:
    """Raise FileNotFoundError for what is not there, which callers of `Path` expect."""
    try:
        yield
    except StoreError as error:
        if error.kind is FailureKind.MISSING:
            raise FileNotFoundError(2, "No such file or directory", str(path)) from error
        raise
