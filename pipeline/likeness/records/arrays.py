"""Arrays on disk as NumPy's own files, written whole or row by row, for workers to map."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.storage.files.atomic import atomic_path
from pipeline.storage.places import Place, local


def save(path: Place, array: npt.NDArray[np.generic]) -> None:
    """Write an array atomically."""
    with atomic_path(path) as temporary, temporary.open("wb") as handle:
        np.save(handle, array)


def save_rows(
    path: Place, shape: tuple[int, ...], dtype: np.dtype[np.generic], parts: Iterable[npt.NDArray[np.generic]]
) -> None:
    """Write an array of that shape atomically, whose rows come in parts.

    >>> import tempfile
    >>> from pathlib import Path
    >>> path = Path(tempfile.mkdtemp(), "a.npy")
    >>> save_rows(path, (3,), np.dtype(np.int16), [np.array([1, 2]), np.array([3])])
    >>> np.load(path, mmap_mode="r").tolist()
    [1, 2, 3]
    """
    with atomic_path(path) as temporary, temporary.open("wb") as handle:
        header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(handle, header)
        for part in parts:
            handle.write(np.ascontiguousarray(part, dtype).data)


def mapped(path: Place) -> npt.NDArray[Any]:
    """Map an array; of one at an address a copy on this machine, which its processes share."""
    return np.load(local(path), mmap_mode="r")  # type: ignore[no-any-return]
