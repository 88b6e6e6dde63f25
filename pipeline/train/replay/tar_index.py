"""Where the pairs of WebDataset tars lie, whoever made them: each tar is read once, whole, and its SHA-256 taken.

A pair is an image (jpg, jpeg, png, webp) and a caption (txt) that stand together under one name up to its first dot, as
webdataset groups members. What lacks one of the two, or has a blank caption, is no pair, and counted. A key that
comes again in its tar, with others between, is one pair more, as it is one sample more to webdataset and to open_clip's
trainer; such pairs are counted. Twice one suffix under one key in a row is what webdataset refuses: the first is taken.

The index lies in the cache of this machine under what the store says of the tars (names, sizes, times or ETags), so
that they are read again when that has changed; its digest is that of their bytes.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import tarfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.feed.arrays import ArrayWriter, TextSequence, open_array, open_small, write_small
from pipeline.model.errors import FeedError
from pipeline.storage.files.cache import Cache, cache_folder
from pipeline.storage.stores import Entry, Span, Store, StoreError

logger = logging.getLogger("biomill")

IMAGES = ("jpg", "jpeg", "png", "webp")
TEXT = "txt"
EXPECTED = "WebDataset tars that hold an image (jpg, png, webp) and a caption (txt) under each key"
_VERSION = 2
_ARRAYS = ("shard", "image", "image_size", "text", "text_size")
_NAME = re.compile(r"((?:.*/)?[^./]+)\.([^/]*)")
_AT_ONCE = 8
_READ = 1 << 20


@dataclass(frozen=True, slots=True)
class TarIndex:
    """The pairs of tars, in the order of their names; arrays have one entry a pair and can only be read."""

    digest: str
    """Of names and bytes of all tars."""
    shards: TextSequence
    shard: npt.NDArray[np.int32]
    image: npt.NDArray[np.int64]
    """First byte of the image in its tar."""
    image_size: npt.NDArray[np.int64]
    text: npt.NDArray[np.int64]
    text_size: npt.NDArray[np.int64]
    unpaired: int
    """Keys without an image or without a caption."""
    repeated: int
    """Pairs under a key that an earlier pair of the same tar has."""

    def __len__(self) -> int:
        return int(self.shard.size)


@dataclass(slots=True)
class _Tar:
    """What one tar holds."""

    sha256: str = ""
    rows: list[tuple[int, int, int, int]] = field(default_factory=list)
    unpaired: int = 0
    repeated: int = 0


def open_index(store: Store, where: str, names: Mapping[str, Entry]) -> TarIndex:
    """Return the index of tars, by name; they are read where the cache has none of their present state.

    Raises FeedError for a tar that is none, is cut off or damaged, a caption that is no UTF-8, and where no pair is.
    """
    state = [[name, entry.size, entry.version] for name, entry in sorted(names.items())]
    name = "pairs-" + hashlib.sha256(json.dumps([store.where, state]).encode()).hexdigest()[:32]
    cache = Cache(cache_folder() / "replay", _VERSION)
    return cache.get(name, lambda folder: _write(folder, store, where, sorted(names)), _read)


def _write(folder: Path, store: Store, where: str, names: list[str]) -> dict[str, Any]:
    logger.info("replay: reading %s once, for its digest and to note where its pairs lie", f"{len(names):,} tars")
    digest, unpaired, repeated, pairs = hashlib.sha256(), 0, 0, 0
    with ArrayWriter(folder) as writer, ThreadPoolExecutor(_AT_ONCE) as pool:
        for number, (name, tar) in enumerate(zip(names, pool.map(lambda each: _tar(store, each), names), strict=True)):
            digest.update(f"{tar.sha256} {name}\n".encode())
            unpaired += tar.unpaired
            repeated += tar.repeated
            pairs += len(tar.rows)
            columns = np.array(tar.rows, np.int64).reshape(-1, 4)
            writer.append("shard", np.full(len(columns), number, np.int32))
            for column, values in zip(_ARRAYS[1:], columns.T, strict=True):
                writer.append(column, values)
    if not pairs:
        raise FeedError(
            f"the replay holds no pair of image and caption: {unpaired:,} keys in {len(names):,} tars lack one of them",
            where,
            EXPECTED,
            "write the captions as KEY.txt beside KEY.jpg, as img2dataset does",
        )
    write_small(folder, "shards", pa.table({"shard": names}))
    return {"digest": digest.hexdigest(), "unpaired": unpaired, "repeated": repeated}


def _read(folder: Path, facts: Mapping[str, Any]) -> TarIndex:
    arrays = {name: open_array(folder, name) for name in _ARRAYS}
    if len({values.size for values in arrays.values()}) != 1:
        raise ValueError(f"{folder} has arrays of several lengths")
    shards = TextSequence(open_small(folder, "shards").column("shard"))
    unpaired, repeated = facts["unpaired"], facts["repeated"]
    return TarIndex(digest=facts["digest"], shards=shards, unpaired=unpaired, repeated=repeated, **arrays)


class _Hashed:
    """A file that is read from front to back, and its digest."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts, self.sha256, self.size = parts, hashlib.sha256(), 0

    def read(self, _size: int = -1) -> bytes:
        part = next(self._parts, b"")
        self.sha256.update(part)
        self.size += len(part)
        return part


def _tar(store: Store, name: str) -> _Tar:
    """Return what a tar holds; raise FeedError where it is none, or not whole."""
    where, found, end = f"{store.where}/{name}", _Tar(), 0
    try:
        file: Any = _Hashed(store.stream(name, _READ))
        with tarfile.open(fileobj=file, mode="r|", bufsize=_READ) as tar:
            key = ""
            keys: set[str] = set()
            members: dict[str, tuple[int, int]] = {}
            for member in tar:
                end = member.offset_data + member.size
                match = _NAME.fullmatch(member.name) if member.isreg() else None
                if match is None:
                    continue
                if match[1] != key:
                    _pair(found, members, key, keys)
                    key, members = match[1], {}
                members.setdefault(match[2].lower(), (member.offset_data, member.size))
                if match[2].lower() == TEXT and not _caption(tar.extractfile(member), where, key):
                    del members[TEXT]
            _pair(found, members, key, keys)
            stopped = tar.offset
        while file.read():  # what stands behind the end of the archive belongs to its digest
            pass
        found.sha256 = file.sha256.hexdigest()
        # Python's reader takes a damaged header, and the end of a file that was cut off, for the end of the archive.
        rest = store.spans([Span(name, min(stopped, file.size), min(stopped + 512, file.size))])[0]
    except StoreError as error:
        raise FeedError(f"the replay cannot be read: {error.reason}", error.where, "a tar") from error
    except (tarfile.TarError, EOFError) as error:
        raise _damaged(str(error), where) from error
    if end > file.size or rest != bytes(512):
        raise _damaged(f"it is cut off or damaged at byte {min(stopped, file.size):,}", where)
    return found


def _caption(file: Any, where: str, key: str) -> str:
    try:
        return str(file.read().decode("utf-8")).strip()
    except UnicodeDecodeError as error:
        raise FeedError(
            f"a caption of the replay is no UTF-8: {error}", f"{where}, key {key}", "text in UTF-8", "write it again"
        ) from error


def _pair(found: _Tar, members: Mapping[str, tuple[int, int]], key: str, keys: set[str]) -> None:
    """Note the members of one key, and the key; those of no image and no text, such as a readme, are nothing."""
    image = next((members[suffix] for suffix in IMAGES if suffix in members), None)
    if image is not None and TEXT in members:
        found.rows.append((*image, *members[TEXT]))
        found.repeated += key in keys
        keys.add(key)
    elif members:
        found.unpaired += 1


def _damaged(what: str, where: str) -> FeedError:
    return FeedError(
        f"the replay's shard is no whole tar: {what}", where, "an uncompressed tar", "fetch or write it again"
    )
