"""The files of the nodes that the units of work share: hashes to search and join, and where the images lie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.likeness.records.arrays import save, save_rows
from pipeline.likeness.records.candidates import Rows
from pipeline.likeness.records.merged import stream
from pipeline.likeness.stored import PLACE_SCHEMA, write_places
from pipeline.storage.places import Place
from pipeline.storage.places.scratch import scratch_folder

_STEP = 1 << 16
Hashes = npt.NDArray[np.uint8]


def write_node_files(folder: Place, media: Sequence[Place], image: Rows, behind: tuple[Hashes, Hashes]) -> None:
    """Write hashes.npy, phashes.npy, nodes.npy and places.arrow.

    `media`: the files of all images. `image`: of every node that has a usable hash the row of its image there.
    `behind`: PDQ and pHash that are to stand behind those of the nodes. Memory: that of some batches, beside what is
    mapped.
    """
    for name, column, width, more in (("hashes", "pdq", 32, behind[0]), ("phashes", "phash", 8, behind[1])):
        count = sum(batch.num_rows for batch in stream(media, [column]))
        with _beside(folder) as here:
            images = here / f"{column}.npy"
            save_rows(images, (count, width), np.dtype(np.uint8), _packed(media, column, width))
            shape = (len(image) + len(more), width)
            save_rows(folder / f"{name}.npy", shape, np.dtype(np.uint8), _taken(images, image, more))
            images.unlink()
    save(folder / "nodes.npy", image)
    write_places(folder / "places.arrow", stream(media, PLACE_SCHEMA.names))


@contextmanager
def _beside(folder: Place) -> Iterator[Path]:
    """Yield a folder of this machine for what is only on the way: the same, where it is one."""
    if isinstance(folder, Path):
        yield folder
        return
    with scratch_folder() as here:
        yield here


def _packed(media: Sequence[Place], column: str, width: int) -> Iterator[Hashes]:
    """Yield the hashes of all images, zeros where there is none."""
    nothing = bytes(width)
    for batch in stream(media, [column]):
        values = batch.column(0)
        if pa.types.is_string(values.type):
            joined = bytes.fromhex("".join(values.fill_null(nothing.hex()).to_pylist()))
        else:
            joined = b"".join(values.fill_null(nothing).to_pylist())
        yield np.frombuffer(joined, np.uint8).reshape(-1, width)


def _taken(images: Path, image: Rows, more: Hashes) -> Iterator[Hashes]:
    mapped = np.load(images, mmap_mode="r")
    for start in range(0, len(image), _STEP):
        yield mapped[image[start : start + _STEP]]
    yield more
