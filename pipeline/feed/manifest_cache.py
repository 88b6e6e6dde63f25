"""Opening a manifest: what is asked for is looked up in the cache of this machine, and made there where it is not.

An entry is named after the manifest's SHA-256 and what was asked for. As hashing a large manifest takes seconds, the
digest is noted with the state of the file (its size, times or ETag), and taken again only when that has changed. One
process of a machine hashes and makes, the others wait for it.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.feed.manifest import Manifest, open_manifest
from pipeline.feed.question import Question
from pipeline.feed.store import Entry, ShardStore
from pipeline.model.errors import FeedError
from pipeline.storage.files.cache import Cache, cache_folder
from pipeline.storage.run_folder import DiskRunFolder

MANIFEST = "manifest.parquet"
LAYOUT = 1
"""Version of what entries hold; raised when they hold something else."""
_STILL_SECONDS = 2.0
"""A file that was changed less than this ago may change again without its time telling."""
_TOLD = re.compile(r"(?:ETag|etag|md5|generation) ")


def read_manifest(
    store: ShardStore, split: str = "", where: str = "", catalog: Path | None = None, entry: str = ""
) -> Manifest:
    """Open the manifest beside the shards, and select: a split ('' for all), and a condition in SQL.

    `where` is a condition on the view `samples`, or a SELECT that gives a column `key`. With `catalog` (the folder of a
    run) it may ask for everything in the run's catalog; else `samples` are the columns of the manifest. Nothing is
    written but in the cache of this machine. `entry`: the name that another process found the same under; where it is
    here, the manifest itself is not looked at.

    Raises FeedError when the manifest is missing or is none, and when nothing is selected; RunError when a condition
    asks the catalog of a run that is not finished.
    """
    cache = Cache(cache_folder() / "feed", LAYOUT)
    question = Question(split, where, catalog if where else None)
    if entry:
        found = cache.find(entry, partial(open_manifest, cache, entry))
        if found is not None:
            return found
    asked = _asked(question)
    noted = "manifest-" + hashlib.sha256(store.where.encode()).hexdigest()[:32]
    state = store.entry(MANIFEST)
    found = _known(cache, noted, state, asked)
    if found is not None:
        return found
    with cache.lock(noted):
        found = _known(cache, noted, state, asked)  # another process has made it meanwhile
        return _made(cache, store, noted, state, question, asked) if found is None else found


def _known(cache: Cache, noted: str, state: Entry, asked: str) -> Manifest | None:
    """Return the answer that the cache holds, where the manifest's digest is noted for the state that it is in."""
    digest = cache.noted(noted).get(_state(state))
    return cache.find(name := _name(digest, asked), partial(open_manifest, cache, name)) if digest else None


def _made(cache: Cache, store: ShardStore, noted: str, state: Entry, question: Question, asked: str) -> Manifest:
    """Return the answer after looking at the manifest itself."""
    telling = _tells(store, state)
    with store.local(MANIFEST) as (path, digest):
        name = _name(digest, asked)

        def write(folder: Path) -> Mapping[str, Any]:
            from pipeline.feed.selection import write_selection  # with DuckDB, which who finds the arrays needs not

            selection = write_selection(folder, path, f"{store.where}/{MANIFEST}", question)
            return {"digest": digest, "selection": selection}

        found = cache.get(name, write, partial(open_manifest, cache, name))
    if store.entry(MANIFEST) != state:
        raise FeedError(
            "the manifest was changed while it was read", f"{store.where}/{MANIFEST}", remedy="open the feed again"
        )
    pa.default_memory_pool().release_unused()  # a rank that made it then holds no more than the others
    if telling:
        cache.note(noted, {_state(state): digest})
    return found


def _name(digest: str, asked: str) -> str:
    return "manifest-" + hashlib.sha256(f"{LAYOUT}\n{digest}\n{asked}".encode()).hexdigest()[:32]


def _asked(question: Question) -> str:
    """Return all that, with the manifest, decides which rows are selected."""
    return json.dumps([question.split, question.where, _catalog_state(question.catalog)])


def _catalog_state(catalog: Path | None) -> list[str | int]:
    """Return what tells one state of a run's catalog from others; raise RunError when the run is not finished."""
    if catalog is None:
        return []
    folder = DiskRunFolder(catalog)
    folder.require("catalog")
    state = folder.catalog.stat()
    return [str(catalog), folder.digest("catalog"), state.st_size, state.st_mtime_ns]


def _state(state: Entry) -> str:
    return f"{state.size} bytes, {state.version}"


def _tells(store: ShardStore, state: Entry) -> bool:
    """Return whether the state of a file tells its content: a later change would show."""
    if store.folder is None:
        return _TOLD.match(state.version) is not None
    file = (store.folder / MANIFEST).stat()
    return time.time() - max(file.st_mtime, file.st_ctime) > _STILL_SECONDS
