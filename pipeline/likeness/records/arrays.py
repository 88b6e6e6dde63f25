"""Arrays on disk as NumPy's own files, written whole or row by row, for workers to map."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.storage.atomic import atomic_path


def save(path: Path, array: npt.NDArray[np.generic]) -> None:
    """Write an array atomically."""
    with atomic_path(path) as temporary, temporary.open("wb") as handle:
        np.save(handle, array)


def save_rows(
    path: Path, shape: tuple[int, ...], dtype: np.dtype[np.generic], parts: Iterable[npt.NDArray[np.generic]]
) -> None:
    """Write an array of that shape atomically, whose rows come in parts.

    >>> import tempfile
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
