"""A media store of the machine that began a run, as workers elsewhere read it: its answers are those of its folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import ClassVar

from pipeline.media.stores.folder_store import FolderStore
from pipeline.media.stores.media_store import MediaStore, Take, path_problem, read_parts, too_large
from pipeline.model.errors import SourceError
from pipeline.model.fetched import Fetched
from pipeline.model.outcomes import Outcome
from pipeline.storage.places.published import Piece
from pipeline.storage.places.published_folder import PublishedFolder, published_folder
from pipeline.storage.places.publisher import Publisher

ARCHIVES = (".zip", ".tar")
"""Suffixes of a folder's files that are opened as parts of the store."""
_OUTSIDE, _IRREGULAR = "a link leads out of the store", "not a regular file"
_LINK = "-> "
"""Before the name of the folder that a link leads to."""


class PublishedStore(MediaStore):
    """Files of a published folder, each read from where it was published, and its archives as copies of this machine.

    Raises StorageError, for the whole store or while it is read, when what was published is gone or damaged: that is
    no outcome of a medium.
    """

    remote: ClassVar[bool] = True

    def __init__(self, folder: PublishedFolder) -> None:
        self._folder = folder
        names = sorted(name for name in folder.files if "/" not in name and name.lower().endswith(ARCHIVES))
        self._archives = FolderStore(None, tuple(folder.files[name].copy() for name in names))

    def listing_digest(self) -> str:
        """Raise SourceError: what a store lists is digested where it lies."""
        raise SourceError("a published store is not listed", self._folder.name, "the folder itself")

    def close(self) -> None:
        """Close the archives."""
        self._archives.close()

    def read(self, relative_path: str, max_bytes: int, take: Take | None = None) -> Fetched:
        """Return the bytes of one medium, or the outcome that `FolderStore.read` gives for it."""
        reason = path_problem(relative_path)
        if reason:
            return Fetched(Outcome.MISSING_FILE, detail=reason)
        name = PurePosixPath(relative_path).as_posix()
        real = self._real(name)
        piece = self._folder.files.get(real)
        if piece is None:
            if other := self._other(real):
                return Fetched(Outcome.MISSING_FILE, final_url=name, detail=other)
            return self._archives.read(name, max_bytes, take)
        if piece.size > max_bytes:
            return too_large(name, piece.size, max_bytes)
        return read_parts([piece.read()], name, max_bytes, take)

    def _real(self, name: str) -> str:
        """Return a name without links to folders of the store."""
        real = PurePosixPath()
        for part in PurePosixPath(name).parts:
            said = self._folder.others.get((real / part).as_posix(), "")
            real = PurePosixPath(said.removeprefix(_LINK)) if said.startswith(_LINK) else real / part
        return real.as_posix()

    def _other(self, real: str) -> str:
        """Return why what lies under a name is not read; '' when nothing lies there."""
        if real == ".":
            return _IRREGULAR
        others = self._folder.others
        above = (parent.as_posix() for parent in PurePosixPath(real).parents)
        return others.get(real, "") or next((_OUTSIDE for parent in above if others.get(parent) == _OUTSIDE), "")


def open_published(text: str) -> MediaStore:
    """Open the store that a piece's text stands for: a folder, or an archive."""
    piece = Piece.of(text)
    return PublishedStore(published_folder(text)) if piece.folder else FolderStore(None, (piece.copy(),))


def publish_store(path: Path, publisher: Publisher) -> Piece:
    """Publish a media store: an archive, or a folder with all that lies in it.

    Raises StorageError when it cannot be read, or be written there.
    """
    if not path.is_dir():
        return publisher.file(path)
    names: list[str] = []
    others: dict[str, str] = {}
    for name, other in _entries(path, path.resolve(), PurePosixPath()):
        if other:
            others[name] = other
        else:
            names.append(name)
    return publisher.folder(path, names, others)


def _entries(folder: Path, root: Path, below: PurePosixPath) -> Iterator[tuple[str, str]]:
    """Yield what lies in a folder by its name, with why it is not read, or '' for a file."""
    with os.scandir(folder) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        name = (below / entry.name).as_posix()
        target = Path(entry.path).resolve()
        if not target.exists():
            continue  # a link to nothing
        if not target.is_relative_to(root):
            yield name, _OUTSIDE
        elif target.is_dir() and entry.is_symlink():
            yield name, f"{_LINK}{target.relative_to(root).as_posix()}"
        elif target.is_dir():
            yield name, _IRREGULAR
            yield from _entries(Path(entry.path), root, below / entry.name)
        else:
            yield name, "" if target.is_file() else _IRREGULAR
