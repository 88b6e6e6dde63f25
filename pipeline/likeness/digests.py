"""Hashes as the columns of a hash list write them, in hex."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def packed(digests: Sequence[str | None], width: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Return the first hash of each row of a hash list's column as uint8[k, width], and the k rows that have one.

    >>> hashes, rows = packed(["00ff", None, "0101 ffff"], 2)
    >>> hashes.tolist(), rows.tolist()
    ([[0, 255], [1, 1]], [0, 2])
    """
    rows = [index for index, digest in enumerate(digests) if digest]
    text = "".join((digests[index] or "")[: 2 * width] for index in rows)
    return np.frombuffer(bytes.fromhex(text), np.uint8).reshape(-1, width), np.array(rows, np.int64)
