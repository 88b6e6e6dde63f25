"""What a unit has fetched so far: every answer is noted when it comes, so that a kill costs only what is in flight.

A unit in progress is two files that only grow, `journal/UNIT.bin` with the encoded images and `journal/UNIT.log` with
one JSON line per medium, written after its bytes. A line that is not whole, and bytes that no line speaks of, are what
a kill left: they are cut off. When all media of the unit are noted, its rows are sorted by id and written as
`blobs/UNIT.bin` and `media/UNIT.parquet`, whose presence says that the unit is done, and the journal goes; the rows may
then be gathered into a part of many units (`pipeline.media.parts`).

Where the images are wanted as files, each is written as one when it is noted, and there are no `UNIT.bin`.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.media.media_schema import MEDIA_SCHEMA
from pipeline.model.errors import StorageError
from pipeline.storage.files.atomic import atomic_path, storage_error, write_table

Image = tuple[dict[str, Any], bytes]


class Journal:
    """The journal of one unit in a stage's folder; opening it mends what a kill left.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> row = {"image_id": "i", "media_id": "m", "host": "h", "address": "a", "outcome": None, "pdq": bytes(32)}
    >>> Journal(folder, "u").note([(row, b"jpeg")])
    >>> journal = Journal(folder, "u")
    >>> journal.media, journal.finish()
    ({'m'}, 1)
    >>> sorted(path.relative_to(folder).as_posix() for path in folder.rglob("u.*"))
    ['blobs/u.bin', 'media/u.parquet']
    """

    def __init__(self, folder: Path, unit: str, images: Path | None = None) -> None:
        """`images`: the folder for images as files, `AB/MEDIA_ID.jpg`; None: they go into the unit's blob."""
        self._folder, self._unit, self._images = folder, unit, images
        self._log, self._bin = folder / "journal" / f"{unit}.log", folder / "journal" / f"{unit}.bin"
        self._end = self._log_end = 0
        self.media: set[str] = set()
        """Ids of the media that are noted."""
        self._rows: list[tuple[dict[str, Any], int, int]] = []
        if self._log.exists():
            self._mend()

    def _mend(self) -> None:
        whole = 0
        size = self._bin.stat().st_size if self._bin.exists() else 0
        for line in self._log.read_bytes().splitlines(keepends=True):
            images = parse_line(line)
            if images is None:
                break
            if self._images is None and any(offset + length > size for _, offset, length in images):
                break
            if self._images is not None and not all(holds(self._images, row, length) for row, _, length in images):
                break
            whole += len(line)
            self._remember(images)
        with self._log.open("r+b") as log:
            log.truncate(whole)
        self._log_end = whole
        if self._bin.exists():
            with self._bin.open("r+b") as blob:
                blob.truncate(self._end)

    def _remember(self, images: Sequence[tuple[dict[str, Any], int, int]]) -> None:
        for row, offset, length in images:
            self._rows.append((row, offset, length))
            if self._images is None:
                self._end = max(self._end, offset + length)
            self.media.add(row["media_id"])

    def note(self, images: Sequence[Image]) -> None:
        """Note all images of one medium; raises StorageError when they cannot be written."""
        noted: list[tuple[dict[str, Any], int, int]] = []
        offset = self._end
        for row, data in images:
            plain = {key: value.hex() if isinstance(value, bytes) else value for key, value in row.items()}
            noted.append((plain, offset, len(data)))
            if self._images is None:
                offset += len(data)
            else:
                _write_image(image_file(self._images, row["media_id"]), data)
        line = (json.dumps(noted, separators=(",", ":"), ensure_ascii=True) + "\n").encode()
        try:
            self._log.parent.mkdir(parents=True, exist_ok=True)
            # Opened each time: a run works on more units at once than a process may hold files open.
            if offset > self._end:
                _write_at(self._bin, self._end, b"".join(data for _, data in images))
            _write_at(self._log, self._log_end, line)
        except OSError as error:
            raise storage_error(error, self._log) from error
        self._log_end += len(line)
        self._remember(noted)

    def finish(self) -> int:
        """Write the unit's blob and rows, whole, and remove the journal; give the number of rows."""
        self._rows.sort(key=lambda entry: str(entry[0]["image_id"]))
        if self._images is None:
            self._write_blob()
        rows: list[dict[str, Any]] = []
        place = 0
        for row, _, length in self._rows:
            pdq = bytes.fromhex(row["pdq"]) if row.get("pdq") else None
            rows.append({**row, "pdq": pdq, "unit": self._unit, "offset": place, "length": length})
            place += length if self._images is None else 0
        write_table(self._folder / "media" / f"{self._unit}.parquet", pa.Table.from_pylist(rows, MEDIA_SCHEMA))
        self.drop()
        return len(rows)

    def outcomes(self) -> Counter[str]:
        """Return how the noted images ended: `image_stored`, and `image_OUTCOME` of those that did not come."""
        return Counter(f"image_{row['outcome'] or 'stored'}" for row, _, _ in self._rows)

    def _write_blob(self) -> None:
        """Write the encoded images one after another, in the order of the rows."""
        with atomic_path(self._folder / "blobs" / f"{self._unit}.bin") as temporary, temporary.open("wb") as blob:
            if self._bin.exists():
                with self._bin.open("rb") as source:
                    for row, offset, length in self._rows:
                        source.seek(offset)
                        data = source.read(length)
                        if length and row.get("stored_sha256") not in (None, hashlib.sha256(data).hexdigest()):
                            raise self._damaged(row, offset)
                        blob.write(data)

    def _damaged(self, row: Mapping[str, Any], offset: int) -> StorageError:
        return StorageError(
            f"image {row['image_id']} is not what was noted",
            where=f"{self._bin}, byte {offset:,}",
            expected=f"bytes with SHA-256 {row['stored_sha256']}",
            remedy=f"look after the disk, remove {self._log.name} there, and run the same command again",
        )

    def drop(self) -> None:
        """Remove the journal."""
        self._log.unlink(missing_ok=True)
        self._bin.unlink(missing_ok=True)


def image_file(images: Path, media_id: str) -> Path:
    """Return the file of a medium's image, where images are files.

    >>> image_file(Path("images"), "ab12").as_posix()
    'images/ab/ab12.jpg'
    """
    return images / media_id[:2] / f"{media_id}.jpg"


def holds(images: Path, row: Mapping[str, Any], length: int) -> bool:
    """Whether the file of a row's image is there with its size; a row without an image needs none."""
    if row.get("outcome") is not None:
        return True
    try:
        return image_file(images, row["media_id"]).stat().st_size == length
    except FileNotFoundError:
        return False


def _write_at(path: Path, start: int, data: bytes) -> None:
    """Write what follows the first `start` bytes of a file, and cut off all behind it.

    A write that fails, on a full disk, leaves a part of its bytes, and a kill between a blob and its log leaves all of
    them: what is noted next stands where its line says, never behind those.
    """
    with path.open("r+b" if start else "wb") as file:
        file.seek(start)
        file.write(data)
        file.truncate()


def _write_image(path: Path, data: bytes) -> None:
    if data:
        with atomic_path(path, durable=False) as temporary:
            temporary.write_bytes(data)
    else:
        path.unlink(missing_ok=True)  # it may be there from before it was asked for again


def parse_line(line: bytes) -> list[tuple[dict[str, Any], int, int]] | None:
    """Return the (row, offset, length) of the images that a line of a log notes; None when it is not whole."""
    if not line.endswith(b"\n"):
        return None
    try:
        return [(row, int(offset), int(length)) for row, offset, length in json.loads(line)]
    except (ValueError, TypeError):
        return None


def logged(path: Path, start: int = 0) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """Yield (offset after the line, its rows) for every whole line of a log, from a byte offset on."""
    with path.open("rb") as log:
        log.seek(start)
        for line in log:
            images = parse_line(line)
            if images is None:
                return
            start += len(line)
            yield start, [row for row, _, _ in images]
