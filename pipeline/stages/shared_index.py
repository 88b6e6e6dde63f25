"""A taxonomy's index, opened once per process: for the resolve stage and for the Beam transform `ResolveNames`."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from threading import Lock

from taxonomy import Policy, Taxonomy
from taxonomy.build.index import MANIFEST

_OPENING = Lock()


def shared_index(folder: str, policy: Policy) -> Taxonomy:
    """Return the index in a folder, opened once per process for all who ask; anew when another was built there.

    It is memory-mapped, so the worker processes of one machine share its pages. Raises TaxonomyError when the folder
    is no whole index of this version.

    >>> import tempfile
    >>> from taxonomy import build_taxonomy
    >>> folder = Path(tempfile.mkdtemp()) / "taxonomy"
    >>> _ = build_taxonomy(["default"], folder)
    >>> shared_index(str(folder), Policy()) is shared_index(str(folder), Policy())
    True
    """
    manifest = Path(folder) / MANIFEST
    # A worker's threads set up at the same time; without the lock each would open an index of its own.
    with _OPENING:
        state = manifest.stat() if manifest.exists() else None
        built = (state.st_ino, state.st_mtime_ns) if state else None
        return _open(folder, policy, built)


@lru_cache(maxsize=2)
def _open(folder: str, policy: Policy, built: tuple[int, int] | None) -> Taxonomy:
    return Taxonomy.open(Path(folder), policy=policy)
