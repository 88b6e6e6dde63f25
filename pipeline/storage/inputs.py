"""Inputs at addresses with a scheme ('s3://bucket/gbif.zip') become local copies before the first stage reads them.

Readers of releases seek in their files, so an archive must lie on a disk. The copy is kept in the run's folder and used
again while the original has the same size and version; what a stage depends on is the copy's content, as for any input.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

from manifests import Recipe, RecipePath, is_remote, with_paths
from pipeline.model.errors import SourceError
from pipeline.storage.atomic import atomic_path, read_json, write_json
from pipeline.storage.file_systems import failures, file_system, reason

_VERSION_KEYS = ("ETag", "etag", "md5", "generation", "LastModified", "mtime", "created")


def localised(recipe: Recipe, folder: Path, progress: Callable[[str], None]) -> Recipe:
    """Return the recipe with every remote path copied into `folder`; its digest stays that of the addresses.

    Raises SourceError when an address cannot be read, StorageError when the copy cannot be written.
    """

    def fix(path: str) -> str:
        return RecipePath(str(_copied(path, folder, progress)), path) if is_remote(path) else path

    return with_paths(recipe, fix)


def _copied(address: str, folder: Path, progress: Callable[[str], None]) -> Path:
    """Return the local copy of a file or folder, made or found."""
    home = folder / hashlib.sha256(address.encode()).hexdigest()[:16]
    target = home / (PurePosixPath(address).name or "input")
    fs, root = file_system(address)
    try:
        wanted = _listed(fs, root, address)
        note = home / "copied.json"
        if note.exists() and read_json(note) == wanted:
            return target
        for relative in sorted(wanted):
            progress(f"copying {address}/{relative}" if relative else f"copying {address}")
            with atomic_path(target / relative if relative else target) as temporary:
                fs.get_file(f"{root}/{relative}" if relative else root, str(temporary))
    except failures() as error:
        raise SourceError(
            f"the input cannot be read: {reason(error)}",
            address,
            "a file or folder at that address, and the right to read it",
            "correct the address in the recipe, or the credentials of its store",
        ) from error
    write_json(note, wanted)
    return target


def _listed(fs: Any, root: str, address: str) -> dict[str, str]:
    """Return what tells each file's version, by its path below the root; '' is the root itself, where it is a file."""
    fs.invalidate_cache()
    if not fs.isdir(root):
        return {"": _version(fs.info(root))}
    found = {}
    for path, info in fs.find(root, detail=True).items():
        relative = path[len(root) :].lstrip("/")
        if ".." in relative.split("/") or not relative:
            raise SourceError(f"the name {relative!r} leads out of its folder", address, "files below the address")
        found[relative] = _version(info)
    return found


def _version(info: dict[str, Any]) -> str:
    return ", ".join([str(info["size"]), *(f"{key} {info[key]}" for key in _VERSION_KEYS if info.get(key))])
