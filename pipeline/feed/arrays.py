"""Flat arrays in files: written in parts, mapped for reading, so that all who map them share one copy in memory.

An array is a NumPy file (`NAME.npy`, little-endian); texts by row are two, where each ends and all their bytes; a small
table is an Arrow file (`NAME.arrow`).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa

_HEADER = 128  # bytes of a NumPy header with any length of one dimension
_ENDS, _BYTES = "ends", "bytes"


class ArrayWriter:
    """Arrays of a folder, each appended to in parts; the first part decides its type.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with ArrayWriter(folder) as writer:
    ...     writer.append("length", np.array([3, 5]))
    ...     writer.append("length", np.array([7]))
    ...     writer.append_texts("key", pa.array(["a1", "b2"]))
    >>> open_array(folder, "length").tolist(), open_texts(folder, "key").to_pylist()
    ([3, 5, 7], ['a1', 'b2'])
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, tuple[IO[bytes], np.dtype[Any], int]] = {}

    def __enter__(self) -> ArrayWriter:
        return self

    def __exit__(self, *error: object) -> None:
        for file, kind, count in self._files.values():
            with file:
                file.seek(0)
                file.write(_header(kind, count))

    def append(self, name: str, values: npt.NDArray[Any]) -> None:
        """Write values after those that an array has."""
        file, kind, count = self._files.get(name) or self._begun(name, values.dtype.newbyteorder("<"))
        file.write(np.ascontiguousarray(values, kind).data)
        self._files[name] = (file, kind, count + values.size)

    def append_texts(self, name: str, values: pa.Array) -> None:
        """Write texts, none of them null, after those that an array of texts has."""
        texts = values.cast(pa.large_string())
        ends = np.frombuffer(texts.buffers()[1], np.int64)[texts.offset : texts.offset + len(texts) + 1]
        if _named(name, _ENDS) not in self._files:
            self.append(_named(name, _ENDS), np.zeros(1, np.int64))
        before = self._files[_named(name, _BYTES)][2] if _named(name, _BYTES) in self._files else 0
        self.append(_named(name, _ENDS), ends[1:] - ends[0] + before)
        data = np.frombuffer(texts.buffers()[2] or b"", np.uint8)
        self.append(_named(name, _BYTES), data[ends[0] : ends[-1]])

    def _begun(self, name: str, kind: np.dtype[Any]) -> tuple[IO[bytes], np.dtype[Any], int]:
        file = _path(self._folder, name).open("wb")
        file.write(bytes(_HEADER))
        return file, kind, 0


def open_array(folder: Path, name: str) -> npt.NDArray[Any]:
    """Return an array of a folder, mapped and read-only; raise OSError or ValueError when it is none."""
    path = _path(folder, name)
    if path.stat().st_size == _HEADER:  # nothing can be mapped of it
        return np.asarray(np.load(path, allow_pickle=False))
    return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))


def open_texts(folder: Path, name: str) -> pa.Array:
    """Return texts of a folder, mapped; raise OSError or ValueError when they are none."""
    ends, data = (open_array(folder, _named(name, part)) for part in (_ENDS, _BYTES))
    if not ends.size or ends[-1] != data.size:
        raise ValueError(f"the texts {name!r} end at {ends[-1:]} of {data.size}")
    return pa.Array.from_buffers(pa.large_string(), ends.size - 1, [None, pa.py_buffer(ends), pa.py_buffer(data)])


def new_array(folder: Path, name: str, size: int, kind: str) -> npt.NDArray[Any]:
    """Return a new array of a folder, mapped for writing at any place.

    Raises OSError where the disk has no room: all of it is claimed at once, as a mapped write could only be killed.
    """
    path = _path(folder, name)
    with path.open("wb") as file:
        file.write(_header(np.dtype(kind), size))
        os.posix_fallocate(file.fileno(), 0, _HEADER + size * np.dtype(kind).itemsize)
    return np.asarray(np.load(path, mmap_mode="r+"))


def write_small(folder: Path, name: str, table: pa.Table) -> None:
    """Write a table, such as distinct values."""
    with pa.OSFile(str(_small(folder, name)), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())


def open_small(folder: Path, name: str) -> pa.Table:
    """Return a table of a folder, mapped; raise OSError or ValueError when it is none."""
    return pa.ipc.open_file(pa.memory_map(str(_small(folder, name)))).read_all()


class TextSequence(Sequence[str]):
    """Texts of an Arrow array as a sequence, made when they are asked for.

    >>> found = TextSequence(pa.chunked_array([pa.array(["t1", "t2", "t3"])]))
    >>> found[1], found[-1], found[:2], len(found), list(found)
    ('t2', 't3', ('t1', 't2'), 3, ['t1', 't2', 't3'])
    """

    def __init__(self, values: pa.ChunkedArray) -> None:
        self._values = values

    def __len__(self) -> int:
        return len(self._values)

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[str, ...]: ...

    def __getitem__(self, place: int | slice) -> str | tuple[str, ...]:
        if isinstance(place, slice):
            return tuple(self._values[place].to_pylist())
        return str(self._values[int(place)].as_py())

    def __repr__(self) -> str:
        shown = ", ".join(repr(text) for text in self[:3])
        return f"<{len(self):,} texts: {shown}{', ...' if len(self) > 3 else ''}>"


def _named(name: str, part: str) -> str:
    return f"{name}_{part}"


def _path(folder: Path, name: str) -> Path:
    return folder / f"{name}.npy"


def _small(folder: Path, name: str) -> Path:
    return folder / f"{name}.arrow"


def _header(kind: np.dtype[Any], count: int) -> bytes:
    """Return the first bytes of a NumPy file (format 1.0) of one dimension."""
    text = f"{{'descr': '{kind.str}', 'fortran_order': False, 'shape': ({count},), }}".encode()
    return b"\x93NUMPY\x01\x00" + (_HEADER - 10).to_bytes(2, "little") + text.ljust(_HEADER - 11) + b"\n"
