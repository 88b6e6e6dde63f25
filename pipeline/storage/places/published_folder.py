"""A published folder: the list of its files, each a piece, small ones many to an object."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path, PurePosixPath

from pipeline.model.errors import StorageError
from pipeline.storage.places.machine_copies import kept_folder
from pipeline.storage.places.published import HELD_BYTES, Piece, is_published, read_together
from pipeline.storage.stores.store import name_problem


@dataclass(frozen=True, slots=True)
class PublishedFolder:
    """What lies in a folder, by names relative to it with '/' between their parts.

    >>> digits = Piece("a.txt", "memory://doctest-folder/inputs/1", 0, 3, "00ff")
    >>> folder = PublishedFolder("f", {"sub/a.txt": digits}, {"sub": "not a regular file"})
    >>> PublishedFolder.read("f", folder.listed()) == folder
    True
    """

    name: str
    files: Mapping[str, Piece]
    others: Mapping[str, str] = field(default_factory=dict)
    """What is no file that may be read, and why."""

    def listed(self) -> bytes:
        """Return the list, from which `read` makes the folder again."""
        objects: dict[str, int] = {}
        rows = [
            [name, objects.setdefault(piece.address, len(objects)), piece.start, piece.size, piece.sha256]
            for name, piece in sorted(self.files.items())
        ]
        return json.dumps(
            {"objects": list(objects), "files": rows, "others": dict(sorted(self.others.items()))}
        ).encode()

    @classmethod
    def read(cls, name: str, listed: bytes) -> PublishedFolder:
        """Return the folder of a list."""
        said = json.loads(listed)
        files = {
            name: Piece(name.rpartition("/")[2], said["objects"][number], start, size, sha256)
            for name, number, start, size, sha256 in said["files"]
        }
        return cls(name, files, said["others"])

    def each(self, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Yield names and bytes of files; some are read at once, in the order that is given. Raises as `Piece.read`."""
        waiting: list[str] = []
        held = 0
        for name in names:
            if waiting and held + self.files[name].size > HELD_BYTES:
                yield from zip(waiting, read_together([self.files[each] for each in waiting]), strict=True)
                waiting, held = [], 0
            waiting.append(name)
            held += self.files[name].size
        if waiting:
            yield from zip(waiting, read_together([self.files[each] for each in waiting]), strict=True)

    def fill(self, target: Path) -> None:
        """Write all files below a folder of this machine. Raises as `Piece.read`, and StorageError for a bad name."""
        for name in self.files:
            if name_problem(name):
                raise StorageError(f"the name {name!r} leads out of its folder", self.name, "files below the folder")
        large = [name for name, piece in self.files.items() if piece.size > HELD_BYTES]
        small = [name for name in self.files if name not in set(large)]
        for name in large:
            _parent(target / name)
            self.files[name].fill(target / name)
        for name, data in self.each(small):
            _parent(target / name)
            (target / name).write_bytes(data)


def published_folder(text: str) -> PublishedFolder:
    """Return the folder that a text stands for (`Piece.text`), its list read once a process. Raises as `Piece.read`."""
    return _opened(Piece.of(text))


@lru_cache(maxsize=8)
def _opened(piece: Piece) -> PublishedFolder:
    return PublishedFolder.read(piece.name, piece.copy().read_bytes())


def taken_folder(path: str) -> Path:
    """Return the folder on this machine that a path or a published folder's text stands for, with all of its files.

    Raises as `Piece.copy`.
    """
    if not is_published(path):
        return Path(path)
    piece = Piece.of(path)
    folder = published_folder(path)
    size = sum(each.size for each in folder.files.values())
    return kept_folder(f"{piece.sha256[:40]}-folder", PurePosixPath(piece.name).name or "folder", size, folder.fill)


def _parent(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
