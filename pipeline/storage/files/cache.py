"""What was derived from files and can be made again: folders that one process makes and all of a machine read.

An entry is a folder of files and `entry.json`, which names them with size and time of change and is written last; the
folder gets its name when it is whole. Whoever finds an entry that is not as `entry.json` says, or of another version,
makes it anew. What lies in a folder of an entry may be written to later, and must itself say what of it is whole. A
lock of the kernel lets one process make an entry while others wait; a killed one leaves none behind.

The folder is `BIOMILL_CACHE`, else `biomill` in `XDG_CACHE_HOME` or `~/.cache`. Beyond `BIOMILL_CACHE_GB` (64) entries
are removed, those first that were not used for longest; an entry that is mapped stays readable for those who map it.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from pipeline.model.errors import StorageError
from pipeline.storage.files.atomic import TEMPORARY_PREFIX, storage_error, write_json

logger = logging.getLogger("biomill")
T = TypeVar("T")
Facts = Mapping[str, Any]
Write = Callable[[Path], Facts]
Read = Callable[[Path, Facts], T]

FOLDER, GIGABYTES = "BIOMILL_CACHE", "BIOMILL_CACHE_GB"
ENTRY = "entry.json"
_DEFAULT_GIGABYTES = 64.0
_LOCK = ".lock"


def cache_folder() -> Path:
    """Return the folder of what can be made again; one that nobody can write for a user without a home folder."""
    if named := os.environ.get(FOLDER):
        return Path(named).absolute()
    if named := os.environ.get("XDG_CACHE_HOME"):
        return Path(named).absolute() / "biomill"
    try:
        return Path.home() / ".cache" / "biomill"
    except RuntimeError:
        return Path(os.devnull) / "biomill"


def cache_limit() -> int:
    """Return the bytes that a cache may hold. Raises StorageError for a limit that is no number."""
    stated = os.environ.get(GIGABYTES, "")
    try:
        gigabytes = float(stated) if stated else _DEFAULT_GIGABYTES
        if not 0 <= gigabytes < float("inf"):
            raise ValueError(stated)
    except ValueError as error:
        raise StorageError(f"{stated!r} cannot be the size of a cache", GIGABYTES, "a number of gigabytes") from error
    return int(gigabytes * 1e9)


class Cache:
    """Entries by name in one folder, which need not be there.

    `version` is that of what entries hold. Names are letters, digits, '_' and '-'.

    >>> cache = Cache(Path(tempfile.mkdtemp()), version=1)
    >>> def write(folder: Path) -> Facts:
    ...     _ = (folder / "words.txt").write_text("Lynx lynx")
    ...     return {"words": 2}
    >>> def read(folder: Path, facts: Facts) -> str:
    ...     return f"{facts['words']} words: {(folder / 'words.txt').read_text()}"
    >>> cache.find("words", read), cache.get("words", write, read), cache.find("words", read)
    (None, '2 words: Lynx lynx', '2 words: Lynx lynx')
    """

    def __init__(self, root: Path, version: int, limit: int | None = None) -> None:
        self.root, self._version = root, version
        self._limit = cache_limit() if limit is None else limit

    def find(self, name: str, read: Read[T]) -> T | None:
        """Return what `read` makes of an entry's folder and facts; None where there is no whole one of this version.

        `read` raises OSError, ValueError or KeyError for what it cannot read.
        """
        folder = self.root / name
        try:
            stated = json.loads((folder / ENTRY).read_text(encoding="utf-8"))
            if stated["version"] != self._version or stated["files"] != _files(folder):
                return None
            found = read(folder, stated["facts"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        with suppress(OSError):  # of another user, or read-only
            os.utime(folder)
        return found

    def get(self, name: str, write: Write, read: Read[T]) -> T:
        """Return what `read` makes of an entry, which `write` fills a folder with where it is not there.

        Of several processes one writes, the others wait. Where the cache cannot be written (no permission, a full
        disk), a warning is logged and `read` reads a private folder, which is deleted at once: what it maps stays.
        What `write` raises for its source is raised; StorageError where no folder at all can be written.
        """
        found = self.find(name, read)
        if found is not None:
            return found
        try:
            with self.lock(name) as held:
                found = self.find(name, read)
                if found is None and held:
                    self._make(name, write)
                    found = self.find(name, read)
        except (OSError, StorageError) as error:
            reason = str(error).splitlines()[0]
        else:
            if found is not None:
                return found
            reason = "it cannot be written" if not held else "what was written is not found again"
        logger.warning(
            "the cache in %s is not used: %s. What it would hold is made for this process alone, each time; name a "
            "folder that can be written with %s",
            self.root,
            reason,
            FOLDER,
        )
        return _private(write, read)

    @contextmanager
    def lock(self, name: str) -> Iterator[bool]:
        """Hold a name, once no other process does; gives False, and holds nothing, where no lock can be made."""
        handle = self._taken(name, wait=True)
        try:
            yield handle is not None
        finally:
            _release(handle)

    def note(self, name: str, value: Facts) -> None:
        """Keep a small file of facts, if that can be written."""
        with suppress(StorageError, OSError):
            write_json(self.root / f"{name}.json", value)

    def noted(self, name: str) -> dict[str, Any]:
        """Return the facts that were noted; none where they cannot be read."""
        try:
            found = json.loads((self.root / f"{name}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _make(self, name: str, write: Write) -> None:
        """Write an entry and give it its name; the lock of the name is held."""
        for leftover in self.root.glob(f"{TEMPORARY_PREFIX}{name}-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        temporary = self._temporary(name)
        temporary.mkdir()
        try:
            facts = write(temporary)
            for path in temporary.iterdir():
                if path.is_file():
                    with path.open("rb") as file:
                        os.fsync(file.fileno())
            write_json(temporary / ENTRY, {"version": self._version, "facts": facts, "files": _files(temporary)})
            self._discard(name)
            temporary.rename(self.root / name)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        self._evict(name)

    def _temporary(self, name: str) -> Path:
        return self.root / f"{TEMPORARY_PREFIX}{name}-{uuid.uuid4().hex[:12]}"

    def _discard(self, name: str) -> None:
        """Take an entry away, from its name at once."""
        away = self._temporary(name)
        with suppress(FileNotFoundError):
            (self.root / name).rename(away)
        shutil.rmtree(away, ignore_errors=True)

    def _evict(self, kept: str) -> None:
        """Remove what killed processes left, and the entries not used for longest while all are beyond the limit."""
        entries = []
        for path in list(self.root.iterdir()):
            if path.name.startswith(TEMPORARY_PREFIX):
                self._remove(path.name.removeprefix(TEMPORARY_PREFIX).rpartition("-")[0], path)
            elif path.is_dir():
                with suppress(OSError):
                    entries.append((path.stat().st_mtime_ns, _bytes(path), path))
        total = sum(size for _, size, _ in entries)
        for _, size, path in sorted(entries):
            if total > self._limit and path.name != kept:
                self._remove(path.name, path)
                total -= size

    def _remove(self, name: str, path: Path) -> None:
        """Remove an entry or what was to become one, unless another process is making it, and the entry's lock."""
        handle = self._taken(name, wait=False)
        if handle is not None:
            if path.name == name:
                self._discard(name)
            else:
                shutil.rmtree(path, ignore_errors=True)
            (self.root / f"{name}{_LOCK}").unlink(missing_ok=True)
            _release(handle)

    def _taken(self, name: str, wait: bool) -> int | None:
        """Return a handle that holds the lock of a name; None where there can be none, or another process has it."""
        path = self.root / f"{name}{_LOCK}"
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            while True:
                handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
                    # Who held it before may have removed the file: then another one bears the name.
                    if os.path.samestat(os.fstat(handle), path.stat()):
                        return handle
                except FileNotFoundError:
                    pass
                except BaseException:
                    os.close(handle)
                    raise
                os.close(handle)
        except OSError:
            return None


def _release(handle: int | None) -> None:
    if handle is not None:
        # A child that was forked meanwhile has the handle as well, and closing this one would not give the lock back.
        fcntl.flock(handle, fcntl.LOCK_UN)
        os.close(handle)


def _private(write: Write, read: Read[T]) -> T:
    """Return what `read` makes of a folder that is deleted at once."""
    try:
        with tempfile.TemporaryDirectory(prefix="biomill-") as temporary:
            return read(Path(temporary), write(Path(temporary)))
    except OSError as error:
        raise storage_error(error, Path(tempfile.gettempdir())) from error


def _files(folder: Path) -> dict[str, list[int]]:
    """Return size and time of change of every file of an entry but its own list, by name."""
    states = {path.name: path.stat() for path in folder.iterdir() if path.name != ENTRY}
    return {name: [state.st_size, state.st_mtime_ns] for name, state in sorted(states.items())}


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
