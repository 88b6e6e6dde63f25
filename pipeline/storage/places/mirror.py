"""Small files of a folder at an address, kept on this machine as they come and go: for what looks again and again."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from pipeline.storage.places.copies import give, home_of
from pipeline.storage.places.remote_path import RemotePath
from pipeline.storage.stores.store import name_problem


class Mirror:
    """A folder of this machine with those files of a remote one that match, as they were when it was refreshed last.

    >>> remote = RemotePath.of("memory://doctest-mirror/fetch")
    >>> (remote / "media" / "u.parquet").write_text("rows")
    >>> (remote / "blobs" / "u.bin").write_text("images")
    >>> mirror = Mirror(remote, ["media/*.parquet"])
    >>> mirror.refresh()
    >>> [path.relative_to(mirror.folder).as_posix() for path in mirror.folder.rglob("*.*")]
    ['media/u.parquet']
    """

    def __init__(self, remote: RemotePath, patterns: Sequence[str], names_alone: Sequence[str] = ()) -> None:
        """`patterns`: of names below the folder; `names_alone`: of files that are there, and empty, on this machine."""
        self._remote, self._patterns, self._alone = remote, tuple(patterns), tuple(names_alone)
        self.folder = Path(tempfile.mkdtemp(prefix="biomill-mirror-"))
        self._versions: dict[str, str] = {}
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)

    def refresh(self) -> None:
        """Copy what is new or written anew, and remove what is gone."""
        entries = self._remote.listing()
        wanted = {
            name: entry.version for name, entry in entries.items() if self._matches(name) and not name_problem(name)
        }
        for name in self._versions.keys() - wanted.keys():
            (self.folder / name).unlink(missing_ok=True)
        for name, version in wanted.items():
            if self._versions.get(name) == version:
                continue
            target = self.folder / name
            if any(fnmatchcase(name, pattern) for pattern in self._alone):
                target.parent.mkdir(parents=True, exist_ok=True)
                target.touch()
            else:
                path, entry = self._remote / name, entries[name]
                copy = home_of(str(path), entry.size, entry.version, entry.md5) / path.name
                if not give(copy, target):
                    path.store.get(path.key, target)
        self._versions = wanted

    def _matches(self, name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in (*self._patterns, *self._alone))
