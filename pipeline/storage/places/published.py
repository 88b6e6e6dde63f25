"""Inputs that were published into a run's folder, as workers take them: bytes at an address, under their digest.

A `Piece` says where bytes lie and what they must be: a whole file, a stretch of one, or the list of a folder's files
(`pipeline.storage.places.published_folder`). It travels as text in the place of a path, so that what a unit names is a
path of this machine, or a piece. What is read is held against the digest: whatever became of the bytes on their way,
nobody works with others.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from functools import lru_cache
from pathlib import Path

from pipeline.model.errors import StorageError
from pipeline.storage.files.failures import FailureKind
from pipeline.storage.places.machine_copies import kept_copy
from pipeline.storage.places.remote_path import PATIENCE
from pipeline.storage.stores.opening import open_store
from pipeline.storage.stores.store import Span, Store
from pipeline.storage.stores.store_error import StoreError

_PREFIX = "published:"
HELD_BYTES = 16 << 20
"""Bytes of a piece that are read at once, at most; a larger one is copied as a stream."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes at an address, and what they must be.

    >>> from pipeline.storage.places.remote_path import RemotePath
    >>> (RemotePath.of("memory://doctest-piece/inputs") / "1").write_bytes(b"0123456789")
    >>> digits = Piece("digits.txt", "memory://doctest-piece/inputs/1", 2, 3, hashlib.sha256(b"234").hexdigest())
    >>> digits.read(), Piece.of(digits.text()) == digits, is_published(digits.text()), is_published("/data/digits.txt")
    (b'234', True, True, False)
    """

    name: str
    """Name of the file or folder, without those that it lies in."""
    address: str
    """Of the file that holds the bytes."""
    start: int
    size: int
    sha256: str
    folder: bool = False
    """Whether the bytes are the list of a folder's files."""

    def text(self) -> str:
        """Return what stands for the piece where a path is expected."""
        return _PREFIX + json.dumps(astuple(self))

    @classmethod
    def of(cls, text: str) -> Piece:
        """Return the piece of a text that `text` made."""
        return cls(*json.loads(text.removeprefix(_PREFIX)))

    def read(self) -> bytes:
        """Return the bytes.

        Raises StorageError when they are not there, or others than were published; StoreError when the store fails.
        """
        (data,) = read_together([self])
        return data

    def copy(self) -> Path:
        """Return a copy on this machine under the piece's own name, which all processes of the machine share.

        Raises as `read`, and StorageError when the copy cannot be written.
        """
        return kept_copy(f"{self.sha256[:40]}-published", self.name or "file", self.size, self.fill)

    def fill(self, target: Path) -> None:
        """Write the bytes to a path of this machine. Raises as `read`."""
        if self.size <= HELD_BYTES:
            target.write_bytes(self.read())
            return
        store, key = located(self.address)
        try:
            store.get(key, target)
        except StoreError as error:
            raise _failed(error, self) from error
        with target.open("rb") as file:
            if target.stat().st_size != self.size or hashlib.file_digest(file, "sha256").hexdigest() != self.sha256:
                target.unlink()
                raise _damaged(self)


def is_published(path: str) -> bool:
    """Return whether a text stands for a piece, and is no path of this machine."""
    return path.startswith(_PREFIX)


def taken(path: str) -> Path:
    """Return the file on this machine that a path or a published file's text stands for. Raises as `Piece.copy`.

    >>> taken("/data/gbif.zip")
    PosixPath('/data/gbif.zip')
    """
    return Piece.of(path).copy() if is_published(path) else Path(path)


def read_together(pieces: Sequence[Piece]) -> list[bytes]:
    """Return the bytes of pieces, those that follow each other in one file by one request. Raises as `Piece.read`."""
    found: list[bytes] = []
    for run in _runs(pieces):
        store, key = located(run[0].address)
        try:
            (data,) = store.spans([Span(key, run[0].start, run[-1].start + run[-1].size, run[0].name)])
        except StoreError as error:
            raise _failed(error, run[0]) from error
        for piece in run:
            at = piece.start - run[0].start
            part = data[at : at + piece.size]
            if hashlib.sha256(part).hexdigest() != piece.sha256:
                raise _damaged(piece)
            found.append(part)
    return found


def _runs(pieces: Sequence[Piece]) -> list[list[Piece]]:
    runs: list[list[Piece]] = []
    for piece in pieces:
        last = runs[-1][-1] if runs else None
        if last and last.address == piece.address and last.start + last.size == piece.start:
            runs[-1].append(piece)
        else:
            runs.append([piece])
    return runs


def located(address: str) -> tuple[Store, str]:
    """Return the store of an address, opened once a process, and the name of the file in it."""
    scheme, _, rest = address.partition("://")
    home, _, key = rest.partition("/")
    return _store(f"{scheme}://{home}"), key


@lru_cache(maxsize=16)
def _store(address: str) -> Store:
    return open_store(address, patience=PATIENCE)


def _failed(error: StoreError, piece: Piece) -> StorageError:
    if error.kind is FailureKind.SHORT:
        return _damaged(piece)
    if error.kind is not FailureKind.MISSING:
        return error
    return StorageError(
        f"a published input is not there: {piece.name}",
        piece.address,
        f"{piece.start + piece.size:,} bytes, as the run published or found them",
        "run the same command again on a machine that has the inputs: it publishes what is missing",
    )


def _damaged(piece: Piece) -> StorageError:
    return StorageError(
        f"a published input has other bytes than it was published with: {piece.name}",
        f"{piece.address}, {piece.size:,} bytes from {piece.start:,}",
        f"SHA-256 {piece.sha256}",
        "remove that file, then run the same command again on a machine that has the inputs: it publishes them anew",
    )
