"""Journals at an address: what grows on a worker's disk is uploaded in numbered segments, which a lost worker leaves.

    journal/UNIT.000001.segment     {"log": 300, "bin": 90000} \\n, then so many bytes of the log and of the images

A segment holds what was noted since the last one. Put together in order they are the two files of a journal as it was,
and whoever goes on with the unit opens that.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

from pipeline.media.journal import Image, Journal
from pipeline.storage.places import RemotePath, upload

SEGMENT_SECONDS = 30.0
SEGMENT_BYTES = 16 << 20
"""A segment is uploaded when either is reached: the most that the loss of a worker costs of a unit."""
SUFFIX = ".segment"


class RemoteJournal(Journal):
    """The journal of one unit whose folder is at an address; `scratch` is a folder of this machine."""

    def __init__(self, remote: RemotePath, scratch: Path, unit: str, segments: Sequence[str] = ()) -> None:
        """`segments`: names of those that an earlier worker left in `remote`, in order."""
        self._remote = remote
        self._segments = list(segments)
        for name in self._segments:
            _append(scratch / "journal" / unit, (remote / name).read_bytes())
        super().__init__(scratch, unit)
        self._uploaded = self._sizes()
        self._flushed = time.monotonic()

    def note(self, images: Sequence[Image]) -> None:
        """Note all images of one medium; upload what was noted when it is time."""
        super().note(images)
        log, blob = self._sizes()
        grown = log - self._uploaded[0] + blob - self._uploaded[1]
        if grown >= SEGMENT_BYTES or time.monotonic() - self._flushed >= SEGMENT_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Upload what was noted since the last segment."""
        sizes = self._sizes()
        if sizes == self._uploaded:
            return
        paths = (self._log, self._bin)
        parts = [_part(*of) for of in zip(paths, self._uploaded, sizes, strict=True)]
        number = int(self._segments[-1].rsplit(".", 2)[1]) + 1 if self._segments else 1
        name = f"journal/{self._unit}.{number:06d}{SUFFIX}"
        head = json.dumps({"log": len(parts[0]), "bin": len(parts[1])}).encode() + b"\n"
        (self._remote / name).write_bytes(head + b"".join(parts))
        self._segments.append(name)
        self._uploaded, self._flushed = sizes, time.monotonic()

    def finish(self) -> int:
        """Upload the unit's blob and, last, its rows; then nothing of it is left on this machine."""
        rows = super().finish()
        for name in (f"blobs/{self._unit}.bin", f"media/{self._unit}.parquet"):
            upload(self._folder / name, self._remote / name)
            (self._folder / name).unlink()
        self.drop()
        return rows

    def drop(self) -> None:
        """Remove the journal, and its segments once the unit is whole."""
        super().drop()
        if (self._folder / "media" / f"{self._unit}.parquet").exists():
            return  # it is not uploaded yet
        for name in self._segments:
            (self._remote / name).unlink()
        self._segments.clear()
        self._uploaded = self._sizes()  # there is nothing left of it to upload

    def _sizes(self) -> tuple[int, int]:
        return self._log_end, self._end


def _append(path: Path, segment: bytes) -> None:
    """Add what a segment holds to the two files of a journal."""
    head, _, body = segment.partition(b"\n")
    sizes = json.loads(head)
    path.parent.mkdir(parents=True, exist_ok=True)
    for suffix, data in (("log", body[: sizes["log"]]), ("bin", body[sizes["log"] :])):
        with path.with_name(f"{path.name}.{suffix}").open("ab") as file:
            file.write(data)


def _part(path: Path, start: int, end: int) -> bytes:
    if start == end:
        return b""
    with path.open("rb") as file:
        file.seek(start)
        return file.read(end - start)
