"""Publishing inputs into a run's folder, each once, under its digest: `inputs/SHA256`.

An upload is whole or absent, and what is there with its size is not uploaded again, so a second run uploads nothing.
The files of a folder go many to an object; its list goes last. What was published of a path is noted beside with the
state of its files (sizes and times), so that they are read again only when they changed. A file that lies at an address
already, of which this machine has a copy, is not uploaded: workers take it from there, and must find the bytes of the
copy.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import astuple
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.model.errors import StorageError
from pipeline.storage.files.atomic import read_json, write_json
from pipeline.storage.places.published import HELD_BYTES, Piece
from pipeline.storage.places.published_folder import PublishedFolder
from pipeline.storage.places.remote_path import RemotePath
from pipeline.storage.places.scratch import scratch_folder

FOLDER = "inputs"
"""Of a run at an address: what was published for its workers."""
_NOTES = ".published.json"
_PACK_BYTES = 64 << 20
_AT_ONCE = 8


class Stretch(NamedTuple):
    """Bytes of a file of this machine."""

    path: Path
    start: int
    size: int


class Publisher:
    """Publishes files and folders of this machine for the workers of one run; the driver alone does.

    >>> import tempfile
    >>> photos = Path(tempfile.mkdtemp())
    >>> for name in ("1.jpg", "2.jpg"):
    ...     _ = (photos / name).write_text(f"picture {name}")
    >>> publisher = Publisher(RemotePath.of("memory://doctest-publisher/run"))
    >>> folder = publisher.folder(photos, ["1.jpg", "2.jpg"])
    >>> [data for _, data in PublishedFolder.read(folder.name, folder.read()).each(["2.jpg"])], publisher.uploads
    ([b'picture 2.jpg'], 2)
    >>> again = Publisher(RemotePath.of("memory://doctest-publisher/run"))
    >>> again.folder(photos, ["1.jpg", "2.jpg"]) == folder, again.uploads
    (True, 0)
    """

    def __init__(
        self,
        root: RemotePath,
        remote: Mapping[Path, str] | None = None,
        progress: Callable[[str], None] = lambda line: None,
    ) -> None:
        """`remote`: addresses of files and folders of which this machine has copies."""
        self._home, self._remote, self._progress = root / FOLDER, dict(remote or {}), progress
        self.uploads, self.uploaded_bytes = 0, 0
        self._told = 0
        self._there: dict[str, int | None] | None = None
        self._noted: dict[str, Any] | None = None

    def file(self, path: Path) -> Piece:
        """Return the piece of a whole file, published.

        Raises StorageError when it cannot be read here or written there.
        """
        state = _state([("", path)])
        if (known := self._known(path, "file", state)) is not None:
            return known
        with _reading(path):
            size = path.stat().st_size
            with path.open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        piece = self._placed(path.name, Stretch(path, 0, size), sha256)
        self._note(path, "file", state, piece, [piece])
        return piece

    def stretches(self, stretches: Sequence[Stretch]) -> list[Piece]:
        """Return the pieces of stretches of files, each of some megabytes, published, some at once."""
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="biomill-publish") as pool:
            self._objects()
            return list(pool.map(self._stretch, stretches))

    def _stretch(self, stretch: Stretch) -> Piece:
        with _reading(stretch.path), stretch.path.open("rb") as file:
            file.seek(stretch.start)
            data = file.read(stretch.size)
        return self._placed(stretch.path.name, stretch, hashlib.sha256(data).hexdigest(), data)

    def folder(self, path: Path, names: Sequence[str], others: Mapping[str, str] | None = None) -> Piece:
        """Return the piece of a folder's list, its files published first.

        `names`: of the files, relative to it; `others`: what else lies in it and cannot be read, and why.
        """
        files = [(name, path / name) for name in sorted(names)]
        state = _state(files, others)
        if (known := self._known(path, "folder", state)) is not None:
            return known
        pieces = dict(self._packed(files))
        listed = PublishedFolder(path.name, pieces, others or {}).listed()
        sha256 = hashlib.sha256(listed).hexdigest()
        self._upload(sha256, len(listed), data=listed)
        piece = Piece(path.name, str(self._home / sha256), 0, len(listed), sha256, folder=True)
        self._note(path, "folder", state, piece, [piece, *pieces.values()])
        return piece

    def _packed(self, files: Iterable[tuple[str, Path]]) -> Iterator[tuple[str, Piece]]:
        """Yield the pieces of files, uploaded: those of a pack when it is full."""
        pack: list[tuple[str, Path, int, str]] = []
        held, done = 0, 0
        with scratch_folder() as folder:
            scratch = folder / "pack"
            for name, path in files:
                with _reading(path):
                    size = path.stat().st_size
                if size > HELD_BYTES or self._address(path):
                    with _reading(path), path.open("rb") as file:
                        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
                    yield name, self._placed(path.name, Stretch(path, 0, size), sha256)
                    continue
                with _reading(path):
                    data = path.read_bytes()
                with scratch.open("ab") as out:
                    out.write(data)
                pack.append((name, path, len(data), hashlib.sha256(data).hexdigest()))
                held += len(data)
                if held >= _PACK_BYTES:
                    yield from self._unpacked(scratch, pack)
                    done += len(pack)
                    self._progress(f"publishing inputs: {done:,} files of {path.parent}")
                    pack, held = [], 0
            if pack:
                yield from self._unpacked(scratch, pack)

    def _unpacked(self, scratch: Path, pack: Sequence[tuple[str, Path, int, str]]) -> Iterator[tuple[str, Piece]]:
        with scratch.open("rb") as file:
            key = hashlib.file_digest(file, "sha256").hexdigest()
        self._upload(key, scratch.stat().st_size, source=scratch)
        scratch.unlink()
        start = 0
        for name, path, size, sha256 in pack:
            yield name, Piece(path.name, str(self._home / key), start, size, sha256)
            start += size

    def _placed(self, name: str, stretch: Stretch, sha256: str, data: bytes | None = None) -> Piece:
        """Return a piece of its own object, uploaded unless it is there, or lies at an address already."""
        if address := self._address(stretch.path):
            return Piece(name, address, stretch.start, stretch.size, sha256)
        self._upload(sha256, stretch.size, source=stretch.path, data=data)
        return Piece(name, str(self._home / sha256), 0, stretch.size, sha256)

    def _address(self, path: Path) -> str:
        """Return the address that a file is a copy of; '' for one of this machine."""
        for copy, address in self._remote.items():
            if path == copy:
                return address
            if path.is_relative_to(copy):
                return f"{address.rstrip('/')}/{path.relative_to(copy).as_posix()}"
        return ""

    def _upload(self, key: str, size: int, source: Path | None = None, data: bytes | None = None) -> None:
        if self._objects().get(key) == size:
            return
        target = self._home / key
        if data is not None:
            target.write_bytes(data)
        else:
            assert source is not None
            target.store.put(target.key, source)
        self._objects()[key] = size
        self.uploads += 1
        self.uploaded_bytes += size

    def _objects(self) -> dict[str, int | None]:
        """Return what was published already, and its bytes, by one listing."""
        if self._there is None:
            self._there = {name: entry.size for name, entry in self._home.listing().items()}
        return self._there

    def whole(self, pieces: Iterable[Piece]) -> bool:
        """Return whether the objects of all pieces are there, with bytes enough; those elsewhere are not looked for."""
        home = f"{self._home}/"
        return all(
            (self._objects().get(piece.address.removeprefix(home)) or -1) >= piece.start + piece.size
            for piece in pieces
            if piece.address.startswith(home) and piece.size
        )

    def tell(self) -> None:
        """Report how much this driver uploaded, when it is more than was said before."""
        if self.uploads > self._told:
            self._told = self.uploads
            self._progress(f"inputs: {self.uploads:,} objects, {self.uploaded_bytes / 1e6:,.1f} MB published so far")

    def _notes(self) -> dict[str, Any]:
        if self._noted is None:
            path = self._home / _NOTES
            self._noted = read_json(path) if path.exists() else {}
        return self._noted

    def _known(self, path: Path, kind: str, state: str) -> Piece | None:
        """Return what was published of a path in the same state, if all of it is there still."""
        noted = self._notes().get(f"{kind} {path}")
        if noted is None or noted["state"] != state:
            return None
        there = self._objects()
        if any(there.get(key) != size for key, size in noted["objects"].items()):
            return None
        return Piece(*noted["piece"])

    def _note(self, path: Path, kind: str, state: str, piece: Piece, pieces: Sequence[Piece]) -> None:
        home = f"{self._home}/"
        keys = {each.address.removeprefix(home) for each in pieces if each.address.startswith(home)}
        objects = {key: self._objects().get(key) for key in sorted(keys)}
        self._notes()[f"{kind} {path}"] = {"state": state, "piece": astuple(piece), "objects": objects}
        write_json(self._home / _NOTES, self._notes())


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Raise what this machine's disk fails of while an input is read as a StorageError."""
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"an input cannot be read: {error.strerror or error}",
            str(path),
            "a file that is there for as long as the run goes on",
            "mend the cause, then run the same command again",
        ) from error


def _state(files: Iterable[tuple[str, Path]], others: Mapping[str, str] | None = None) -> str:
    """Return what changes when a file is written, replaced, added or removed."""
    digest = hashlib.sha256(json.dumps(dict(sorted((others or {}).items()))).encode())
    for name, path in files:
        with _reading(path):
            stat = path.stat()
        line = f"{name}\0{stat.st_size}\0{stat.st_mtime_ns}\0{stat.st_ctime_ns}\0{stat.st_ino}\n"
        digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
