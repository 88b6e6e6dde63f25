"""The thumbnails of images that fetch has stored, decoded where a pair asks for them.

Only images of near pairs are asked for, a few in a hundred. A thumbnail of every image, written when it is fetched,
would take 4 KB each, a seventh of a photograph stored at 256 pixels, to spare a millisecond for those few.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
from PIL import Image

from dedup import block_of, luma_of
from manifests import ImageRules
from pipeline.likeness.records.candidates import Rows
from pipeline.likeness.records.mapped import MappedRows
from pipeline.likeness.verification import Int
from pipeline.media import Processed, stored_raster
from pipeline.storage.blobs import Blobs
from pipeline.storage.files.atomic import atomic_path
from pipeline.storage.places import Place, local

PLACE_SCHEMA = pa.schema([("unit", pa.string()), ("offset", pa.int64()), ("length", pa.int64())])
"""Where a stored image lies in fetch's blobs."""
SHOWN = 4096
"""Thumbnails of one file, 16 MB."""
_WHOLE = ImageRules(side=65_500, min_side=1)
_MAX_PIXELS = 200_000_000
_MOST = 16_384
"""Thumbnails in memory, 64 MB."""
_BYTES = 4096


def stored_image(blobs: Place, unit: str, offset: int, length: int) -> Image.Image | Processed:
    """Return the stored image at a place of fetch's blobs, or the refusal of what is no image any more."""
    with Blobs(blobs) as read:
        return stored_raster(read(unit, offset, length), _WHOLE, _MAX_PIXELS)


class Stored:
    """Thumbnails of stored images; some thousands are remembered.

    `places`: a table of PLACE_SCHEMA. `image`: by what is asked for, the row there; none: the rows are asked for.
    """

    def __init__(self, blobs: Place, places: pa.Table, image: Rows | None = None) -> None:
        self._blobs, self._places, self._image = blobs, MappedRows(places), image
        self._known: dict[int, bytes | None] = {}

    def take(self, places: Int) -> Sequence[bytes | None]:
        """Return the thumbnails, 4,096 bytes each; None where what is stored is no image any more."""
        wanted = places.tolist()
        lacking = sorted(set(wanted) - self._known.keys())
        if len(self._known) + len(lacking) > _MOST:
            self._known = {place: self._known[place] for place in set(wanted) & self._known.keys()}
        asked = np.array(lacking, np.int64)
        rows = self._places.take(asked if self._image is None else self._image[asked]).to_pylist()
        ordered = sorted(zip(lacking, rows, strict=True), key=lambda each: (each[1]["unit"], each[1]["offset"]))
        stretches = [(row["unit"], row["offset"], row["length"]) for _, row in ordered]
        with Blobs(self._blobs) as read:
            for (place, _), data in zip(ordered, read.each(stretches), strict=True):
                raster = stored_raster(data, _WHOLE, _MAX_PIXELS)
                self._known[place] = None if isinstance(raster, Processed) else block_of(luma_of(raster)).tobytes()
        return [self._known[place] for place in wanted]


class Shown:
    """Thumbnails that `write_shown` laid down for some nodes (ascending), SHOWN to a file, memory-mapped."""

    def __init__(self, rows: Int, files: Iterable[Place]) -> None:
        self._rows = rows
        self._parts = [np.load(local(path), mmap_mode="r") for path in files]

    def take(self, places: Int) -> Sequence[bytes | None]:
        """Return the thumbnails of these nodes."""
        at = np.searchsorted(self._rows, places)
        rows = (
            self._parts[number][row] for number, row in zip((at // SHOWN).tolist(), (at % SHOWN).tolist(), strict=True)
        )
        return [row[:_BYTES].tobytes() if row[_BYTES] else None for row in rows]


def write_shown(path: Place, thumbnails: Sequence[bytes | None]) -> None:
    """Write thumbnails as uint8[k, 4097]; the last byte says whether there is one."""
    packed = b"".join(bytes(_BYTES + 1) if each is None else each + b"\1" for each in thumbnails)
    with atomic_path(path) as temporary, temporary.open("wb") as handle:
        np.save(handle, np.frombuffer(packed, np.uint8).reshape(-1, _BYTES + 1))


def write_places(path: Place, places: Iterable[pa.RecordBatch]) -> None:
    """Write batches of PLACE_SCHEMA so that reading some rows reads only those."""
    with atomic_path(path) as temporary, pa.ipc.new_file(str(temporary), PLACE_SCHEMA) as writer:
        for batch in places:
            writer.write_batch(batch.cast(PLACE_SCHEMA))


def read_places(path: Place) -> pa.Table:
    """Map the table that `write_places` wrote."""
    return pa.ipc.open_file(pa.memory_map(str(local(path)))).read_all()
