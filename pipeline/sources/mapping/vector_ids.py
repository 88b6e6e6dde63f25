"""Ids for a whole column at once: one hash per row is the floor, everything around it is done by NumPy.

The ids are those of `pipeline.model.ids`, byte for byte.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.model.ids import NAMESPACE

_SEPARATOR = "\x1f"
_GROUPS = ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))
"""The hexadecimal digits of a UUID between its dashes."""


def record_id_array(source: str, records: pa.Array, media: pa.Array, boxes: pa.Array) -> pa.Array:
    """Return `ids.record_id` of every row; no key may be null.

    >>> from pipeline.model.ids import record_id
    >>> made = record_id_array("s", pa.array(["r"]), pa.array(["m"]), pa.array([""]))
    >>> made.to_pylist() == [record_id("s", "r", "m")]
    True
    """
    return id_array("record", source, records, media, boxes)


def id_array(kind: str, *parts: str | pa.Array) -> pa.Array:
    """Return `ids.make_id` of every row; parts that are texts are the same for all, and no key may be null.

    >>> from pipeline.model.ids import make_id
    >>> id_array("a", "b", pa.array(["1", "2"])).to_pylist() == [make_id("a", "b", "1"), make_id("a", "b", "2")]
    True
    """
    if not any(len(part) for part in parts if isinstance(part, pa.Array)):
        return pa.array([], pa.string())
    start = pa.scalar(NAMESPACE.bytes + kind.encode(), pa.binary())
    keys = [
        pa.scalar(part.encode(), pa.binary()) if isinstance(part, str) else part.cast(pa.binary()) for part in parts
    ]
    names = pc.binary_join_element_wise(start, *keys, pa.scalar(_SEPARATOR.encode(), pa.binary()))
    digests = _digests(names, hashlib.sha1, 20)[:, :16].copy()
    # RFC 9562: the version, 5, in the high half of the seventh byte, the variant in the two high bits of the ninth.
    digests[:, 6] = digests[:, 6] & 0x0F | 0x50
    digests[:, 8] = digests[:, 8] & 0x3F | 0x80
    digits = _hexadecimal(digests)
    text = np.full((len(digests), 36), ord("-"), dtype=np.uint8)
    for dashes, (first, last) in enumerate(_GROUPS):
        text[:, first + dashes : last + dashes] = digits[:, first:last]
    return _strings(text)


def md5_array(values: pa.Array) -> pa.Array:
    """Return the MD5 of every string as hexadecimal digits.

    >>> md5_array(pa.array(["a"])).to_pylist()
    ['0cc175b9c0f1b6a831c399e269772661']
    """
    if len(values) == 0:
        return pa.array([], pa.string())
    digests = _digests(values.cast(pa.binary()), hashlib.md5, 16)
    return _strings(_hexadecimal(digests))


def _digests(values: pa.Array, function: Callable[..., hashlib._Hash], size: int) -> NDArray[np.uint8]:
    assert values.null_count == 0, "a null has no id"
    _, bounds, data = values.buffers()
    offsets = np.frombuffer(bounds, dtype=np.int32)[values.offset : values.offset + len(values) + 1]
    first, last = int(offsets[0]), int(offsets[-1])
    whole = data.slice(first, last - first).to_pybytes() if data is not None else b""
    begins = (offsets - first).tolist()
    made = b"".join([function(whole[a:b]).digest() for a, b in pairwise(begins)])
    return np.frombuffer(made, dtype=np.uint8).reshape(-1, size)


def _hexadecimal(digests: NDArray[np.uint8]) -> NDArray[np.uint8]:
    digits = digests.tobytes().hex().encode()
    return np.frombuffer(digits, dtype=np.uint8).reshape(len(digests), 2 * digests.shape[1])


def _strings(text: NDArray[np.uint8]) -> pa.Array:
    rows, width = text.shape
    offsets = np.arange(0, (rows + 1) * width, width, dtype=np.int32)
    return pa.StringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(text)))
