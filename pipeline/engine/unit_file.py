"""The units of one pipeline in one file, so that its graph names the file and numbers, however many units there are.

    unit, unit, ...                 each pickled
    offset, offset, ..., count      8 bytes each: where every unit begins and the last one ends; how many there are

Workers read single units by their number: the file costs them no memory.
"""

from __future__ import annotations

import contextlib
import pickle
import struct
import sys
import uuid
from array import array
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from pipeline.model.errors import StorageError
from pipeline.storage.files.atomic import TEMPORARY_PREFIX, atomic_path, storage_error
from pipeline.storage.places import Place, local, place

_NUMBER = struct.Struct("<Q")


def write_units(folder: Place, units: Sequence[Any]) -> Place:
    """Write the units below a folder that all workers see, under a name that a sweep of leftovers removes.

    Raises StorageError when the file cannot be written, and what pickle raises for units that cannot be sent.

    >>> import tempfile
    >>> path = write_units(Path(tempfile.mkdtemp()), ["a", "b"])
    >>> count_units(str(path)), read_unit(str(path), 1)
    (2, 'b')
    """
    path = folder / f"{TEMPORARY_PREFIX}units-{uuid.uuid4().hex}"
    offsets = array("Q", [0])
    try:
        with atomic_path(path, durable=False) as temporary, temporary.open("wb") as file:
            for unit in units:
                offsets.append(offsets[-1] + file.write(pickle.dumps(unit, pickle.HIGHEST_PROTOCOL)))
            if sys.byteorder == "big":
                offsets.byteswap()
            file.write(offsets.tobytes())
            file.write(_NUMBER.pack(len(units)))
    except OSError as error:
        raise storage_error(error, path) from error
    return path


def remove_units(path: Place) -> None:
    """Remove the file of a pipeline that has ended; where its folder is gone there is none."""
    with contextlib.suppress(OSError, StorageError):
        path.unlink()


@lru_cache(maxsize=16)
def count_units(path: str) -> int:
    """Return how many units a file holds; remembered, as a name is used once."""
    return _number(_read(path, -_NUMBER.size, _NUMBER.size))


def read_unit(path: str, number: int) -> Any:
    """Return one unit of a file, by its number from 0."""
    size = _NUMBER.size
    table = -size * (count_units(path) + 2)
    places = _read(path, table + number * size, 2 * size)
    start, end = _number(places[:size]), _number(places[size:])
    return pickle.loads(_read(path, start, end - start))


def _number(data: bytes) -> int:
    return int(_NUMBER.unpack(data)[0])


def _read(path: str, offset: int, length: int) -> bytes:
    """Return bytes of a file from an offset, one from its end where it is negative; the one place that opens it."""
    with _here(path).open("rb") as file:
        file.seek(offset, 2 if offset < 0 else 0)
        return file.read(length)


@lru_cache(maxsize=16)
def _here(path: str) -> Path:
    """Return the file on this machine; remembered, as a name is used once."""
    return local(place(path))
