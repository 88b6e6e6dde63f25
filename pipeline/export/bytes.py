"""Reading samples out of the run's shards by place, and checking what is read."""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any

from pipeline.model.errors import VerifyError
from pipeline.storage.blobs import AT_ONCE, Stretch, read_together
from pipeline.storage.places import Place, RemotePath
from pipeline.storage.stores import FailureKind, StoreError

_OPEN = 64
_JPEG = ("shard", "jpg_offset", "jpg_length")
Row = dict[str, Any]


class ShardBytes:
    """Reads from a run's shards by position, keeping a bounded number of them open. A context manager."""

    def __init__(self, folder: Place) -> None:
        """`folder`: of the shards; at an address they are read by ranges, many at a time (`ahead`)."""
        self._folder = folder
        self._near: dict[Stretch, bytes] = {}
        self._open: OrderedDict[str, int] = OrderedDict()

    def __enter__(self) -> ShardBytes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._open:
            os.close(self._open.popitem()[1])

    def read(self, shard: str, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`; raises VerifyError when the shard is missing or shorter."""
        if not isinstance(self._folder, Path):
            return self._near.pop((shard, offset, length), None) or self._asked([(shard, offset, length)])[0]
        handle = self._open.pop(shard, None)
        if handle is None:
            try:
                handle = os.open(self._folder / shard, os.O_RDONLY)
            except OSError as error:
                raise VerifyError(
                    f"the shard cannot be read: {error.strerror}", str(self._folder / shard), remedy="run verify"
                ) from error
        self._open[shard] = handle
        if len(self._open) > _OPEN:
            os.close(self._open.popitem(last=False)[1])
        data = os.pread(handle, length, offset)
        if len(data) != length:
            raise VerifyError(f"the shard ends at byte {offset + len(data)}", str(self._folder / shard))
        return data

    def ahead(self, rows: Iterable[Row], columns: Sequence[str] = _JPEG) -> Iterator[Row]:
        """Yield rows as they are, whose bytes will be read one row after another; some dozen are asked for at once.

        `columns`: those with shard, offset and length of what will be read.
        """
        if isinstance(self._folder, Path):
            yield from rows
            return
        waiting = iter(rows)
        while some := list(islice(waiting, AT_ONCE)):
            stretches: list[Stretch] = [tuple(row[name] for name in columns) for row in some]
            self._near = dict(zip(stretches, self._asked(stretches), strict=True))
            yield from some

    def _asked(self, stretches: Sequence[Stretch]) -> list[bytes]:
        assert isinstance(self._folder, RemotePath)
        try:
            return list(read_together(self._folder, stretches))
        except StoreError as error:
            if error.kind not in (FailureKind.MISSING, FailureKind.SHORT):
                raise
            raise VerifyError(f"the shard cannot be read: {error.reason}", error.where, remedy="run verify") from error

    def jpeg(self, row: dict[str, object]) -> bytes:
        """Return the image of a row with shard, jpg_offset, jpg_length and jpeg_sha256; VerifyError if changed."""
        shard, offset, length = str(row["shard"]), row["jpg_offset"], row["jpg_length"]
        assert isinstance(offset, int) and isinstance(length, int)
        data = self.read(shard, offset, length)
        if hashlib.sha256(data).hexdigest() != row["jpeg_sha256"]:
            raise VerifyError(
                "an image has changed since it was stored", f"{shard}, byte {offset}", remedy="run `biomill verify`"
            )
        return data


def sample_bytes(data: bytes, row: dict[str, object]) -> bytes:
    """Return a sample's bytes as they are, once its image is the one that was stored; raises VerifyError if not."""
    start = int(str(row["jpg_offset"])) - int(str(row["offset"]))
    image = data[start : start + int(str(row["jpg_length"]))]
    if hashlib.sha256(image).hexdigest() != row["jpeg_sha256"]:
        raise VerifyError(
            "an image has changed since it was stored", f"{row['shard']}, {row['key']}", remedy="run `biomill verify`"
        )
    return data
