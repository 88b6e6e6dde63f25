"""What a process knows of files that nobody else changes, so that it need not ask for them again.

Whoever holds the lease of a folder is the only one to write it, beside workers that write files of new names. Of the
files that it wrote itself it knows size and, of small ones, the bytes; of folders that are frozen, which no worker
writes any more, whatever it was told once. Nothing is known before `begin` and after `end`, and nothing travels to
other processes.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from threading import Lock

from pipeline.storage.stores.store import Entry

_LARGEST = 1 << 18
"""Bytes of a file that are kept."""
_MOST = 1 << 24
"""Bytes that are kept in all."""


class Memory:
    """Entries, bytes and listings that stay as they are while a folder is held.

    >>> memory = Memory()
    >>> memory.begin()
    >>> memory.wrote("ingest/_done.json", 2, b"{}")
    >>> memory.read("ingest/_done.json"), memory.entry("ingest/_done.json").size, memory.entry("ingest/a") is None
    (b'{}', 2, True)
    >>> memory.freeze("ingest")
    >>> memory.listed("ingest/records", {"ingest/records/a": Entry("ingest/records/a", 5, "v1")})
    >>> memory.entry("ingest/records/a").size, sorted(memory.listing("ingest/records")), memory.listing("screen")
    (5, ['ingest/records/a'], None)
    """

    def __init__(self) -> None:
        self._on, self._lock, self._writes = False, Lock(), 0
        self._forget()

    def _forget(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._bytes: OrderedDict[str, bytes] = OrderedDict()
        self._held = 0
        self._frozen: set[str] = set()
        self._listings: dict[str, dict[str, Entry]] = {}

    def begin(self) -> None:
        """Remember from now on: the folder is held."""
        with self._lock:
            self._forget()
            self._on = True

    def end(self) -> None:
        """Know nothing any more: others may write."""
        with self._lock:
            self._on = False
            self._forget()

    def keeps(self, size: int) -> bool:
        """Return whether the bytes of a file of this size are kept when it is written."""
        return self._on and size <= _LARGEST

    def freeze(self, folder: str) -> None:
        """Take what is told of a folder from now on as lasting, until it is thawed: no worker writes into it."""
        if self._on:
            self._frozen.add(folder)

    def thaw(self, folder: str) -> None:
        """Forget a folder that is written again."""
        with self._lock:
            self._frozen.discard(folder)
            for name in [name for name in self._entries if _lies_in(name, folder)]:
                self._drop(name)
            self._unlist(folder)

    def wrote(self, name: str, size: int, data: bytes | None = None, md5: str = "") -> None:
        """Note a file that this process wrote; `data`: its bytes, where they are at hand; `md5`: theirs, in hex."""
        if not self._on:
            return
        with self._lock:
            self._drop(name)
            self._unlist(name)
            if data is not None:
                md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
                self._keep(name, data)
            self._writes += 1
            self._entries[name] = Entry(name, size, f"written here, as number {self._writes}", md5)

    def deleted(self, name: str) -> None:
        """Note that a file is gone."""
        with self._lock:
            self._drop(name)
            self._unlist(name)

    def was_read(self, name: str, data: bytes) -> None:
        """Note the bytes of a file, which are kept where its folder is frozen."""
        if self._on and self._is_frozen(name):
            with self._lock:
                self._keep(name, data)

    def listed(self, below: str, found: dict[str, Entry]) -> None:
        """Note what lies in a folder, which is kept where it is frozen."""
        if self._on and self._is_frozen(below):
            self._listings[below] = found

    def read(self, name: str) -> bytes | None:
        """Return the bytes of a file; None where they are not known."""
        return self._bytes.get(name)

    def entry(self, name: str) -> Entry | None:
        """Return size and version of a file; None where they are not known."""
        if (found := self._entries.get(name)) is not None:
            return found
        for below, entries in list(self._listings.items()):
            if _lies_in(name, below):
                return entries.get(name)
        return None

    def listing(self, below: str) -> dict[str, Entry] | None:
        """Return what lies in a folder; None where it is not known."""
        found = self._listings.get(below)
        return None if found is None else dict(found)

    def _is_frozen(self, name: str) -> bool:
        return any(_lies_in(name, folder) or name == folder for folder in self._frozen)

    def _keep(self, name: str, data: bytes) -> None:
        if len(data) > _LARGEST:
            return
        self._held += len(data) - len(self._bytes.pop(name, b""))
        self._bytes[name] = data
        while self._held > _MOST:
            self._held -= len(self._bytes.popitem(last=False)[1])

    def _drop(self, name: str) -> None:
        self._entries.pop(name, None)
        self._held -= len(self._bytes.pop(name, b""))

    def _unlist(self, name: str) -> None:
        for below in [below for below in self._listings if _lies_in(name, below) or _lies_in(below, name)]:
            self._listings.pop(below, None)


def _lies_in(name: str, folder: str) -> bool:
    return not folder or name == folder or name.startswith(f"{folder}/")
