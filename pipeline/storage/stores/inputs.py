"""Inputs at addresses with a scheme ('s3://bucket/gbif.zip') become local copies before the first stage reads them.

Readers of releases seek in their files, so an archive must lie on a disk. The copy is kept in the run's folder and used
again while the original has the same size and version; what a stage depends on is the copy's content, as for any input.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from manifests import SHIPPED, Recipe, RecipePath, is_remote, with_paths
from pipeline.model.errors import SourceError
from pipeline.storage.files.atomic import read_json, write_json
from pipeline.storage.files.failures import FailureKind
from pipeline.storage.stores.opening import open_store
from pipeline.storage.stores.store import Store, name_problem
from pipeline.storage.stores.store_error import StoreError


def localised(recipe: Recipe, folder: Path, progress: Callable[[str], None]) -> Recipe:
    """Return the recipe with every remote path copied into `folder`; its digest stays that of the addresses.

    What comes with the package ('shipped://...') is nowhere else, and stays as it is written.
    Raises SourceError when an address cannot be read, StorageError when the copy cannot be written.
    """

    def fix(path: str) -> str:
        elsewhere = is_remote(path) and not path.startswith(SHIPPED)
        return RecipePath(str(_copied(path, folder, progress)), path) if elsewhere else path

    return with_paths(recipe, fix)


def _copied(address: str, folder: Path, progress: Callable[[str], None]) -> Path:
    """Return the local copy of a file or folder, made or found."""
    home = folder / hashlib.sha256(address.encode()).hexdigest()[:16]
    target = home / (PurePosixPath(address).name or "input")
    store = open_store(address)
    try:
        wanted = _versions(store, address)
        note = home / "copied.json"
        if note.exists() and read_json(note) == wanted:
            return target
        for name in sorted(wanted):
            progress(f"copying {address}/{name}" if name else f"copying {address}")
            store.get(name, target / name if name else target)
    except StoreError as error:
        raise SourceError(
            f"the input cannot be read: {error.reason}",
            address,
            "a file or folder at that address, and the right to read it",
            "correct the address in the recipe, or the credentials of its store",
        ) from error
    write_json(note, wanted)
    return target


def _versions(store: Store, address: str) -> dict[str, str]:
    """Return what tells each file's version, by its path below the address; '' is the address itself, if a file."""
    itself = store.entry("")
    found = {"": itself} if itself else store.listing()
    if not found:
        raise StoreError("there is no file or folder at the address", store.where, kind=FailureKind.MISSING)
    for name in found:
        if name and name_problem(name):
            raise SourceError(f"the name {name!r} leads out of its folder", address, "files below the address")
    return {name: ", ".join(filter(None, (str(entry.size), entry.version))) for name, entry in found.items()}
