"""Seeded hashes of a whole column at once: `pipeline.model.ids.hash64` of every row, number for number."""

from __future__ import annotations

import hashlib
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

_BYTES = 8


def hash64_array(seed: int, salt: str, keys: pa.Array) -> NDArray[np.uint64]:
    """Return the hash of 'SALT:KEY' for every key, uint64[n]; no key may be null.

    >>> from pipeline.model.ids import hash64
    >>> hash64_array(7, "order", pa.array(["a", "b"])).tolist() == [hash64(7, "order:a"), hash64(7, "order:b")]
    True
    """
    if not len(keys):
        return np.empty(0, np.uint64)
    salted = hashlib.blake2b(digest_size=_BYTES, salt=seed.to_bytes(8, "little", signed=True))
    salted.update(f"{salt}:".encode())
    made = bytearray()
    for key in _pieces(keys):
        each = salted.copy()
        each.update(key)
        made += each.digest()
    return np.frombuffer(bytes(made), ">u8").astype(np.uint64)


def hexadecimal(numbers: NDArray[np.uint64]) -> pa.Array:
    """Return 64-bit numbers as texts of 16 digits, which sort as they do.

    >>> hexadecimal(np.array([255], np.uint64)).to_pylist()
    ['00000000000000ff']
    """
    digits = numbers.astype(">u8").tobytes().hex().encode()
    width = 2 * _BYTES
    offsets = np.arange(0, (len(numbers) + 1) * width, width, dtype=np.int32)
    return pa.StringArray.from_buffers(len(numbers), pa.py_buffer(offsets), pa.py_buffer(digits))


def _pieces(keys: pa.Array) -> list[bytes]:
    assert keys.null_count == 0, "a null has no hash"
    values = keys.cast(pa.binary())
    _, bounds, data = values.buffers()
    offsets = np.frombuffer(bounds, np.int32)[values.offset : values.offset + len(values) + 1]
    whole = data.to_pybytes() if data is not None else b""
    return [whole[start:end] for start, end in pairwise(offsets.tolist())]
