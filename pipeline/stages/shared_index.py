"""A taxonomy's index, opened once per process: for the resolve stage and for the Beam transform `ResolveNames`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from threading import Lock

from pipeline.storage.files.atomic import read_json
from pipeline.storage.places import Place, local_folder, place, remove_tree, upload
from pipeline.storage.places.published import is_published
from pipeline.storage.places.published_folder import taken_folder
from pipeline.storage.places.scratch import scratch_folder
from taxonomy import Policy, Taxonomy, build_taxonomy
from taxonomy.build.from_sources import build_id_of
from taxonomy.build.index import MANIFEST

_OPENING = Lock()


def shared_index(folder: str, policy: Policy) -> Taxonomy:
    """Return the index in a folder, opened once per process for all who ask; anew when another was built there.

    It is memory-mapped, so the worker processes of one machine share its pages; of one at an address this machine has a
    copy. Raises TaxonomyError when the folder
    is no whole index of this version.

    >>> import tempfile
    >>> from taxonomy import build_taxonomy
    >>> folder = Path(tempfile.mkdtemp()) / "taxonomy"
    >>> _ = build_taxonomy(["default"], folder)
    >>> shared_index(str(folder), Policy()) is shared_index(str(folder), Policy())
    True
    """
    # A worker's threads set up at the same time; without the lock each would open an index of its own.
    with _OPENING:
        here = taken_folder(folder) if is_published(folder) else local_folder(place(folder))
        manifest = here / MANIFEST
        state = manifest.stat() if manifest.exists() else None
        built = (state.st_ino, state.st_mtime_ns) if state else None
        return _open(str(here), policy, built)


def build_index(sources: Sequence[str], folder: Place, languages: Sequence[str]) -> None:
    """Build the index of sources into a folder, unless it is there; at an address from a build on this machine's disk.

    Its manifest is uploaded last, so that an index without one is not whole.
    """
    if isinstance(folder, Path):
        build_taxonomy(sources, folder, languages)
        return
    manifest = folder / MANIFEST
    if manifest.exists() and read_json(manifest)["build_id"] == build_id_of(sources, languages):
        return
    remove_tree(folder)
    with scratch_folder() as scratch:
        built = scratch / "taxonomy"
        build_taxonomy(sources, built, languages)
        files = sorted(path for path in built.rglob("*") if path.is_file())
        for path in sorted(files, key=lambda path: path.name == MANIFEST):
            upload(path, folder / path.relative_to(built).as_posix())


@lru_cache(maxsize=2)
def _open(folder: str, policy: Policy, built: tuple[int, int] | None) -> Taxonomy:
    return Taxonomy.open(Path(folder), policy=policy)
