"""Identifiers that derive from content and source keys alone.

A uuid5 is a name-based UUID (RFC 9562, section 5.5): the same parts give the same id on every machine, in every run
and in any order, so that resume, retries and re-runs meet their own earlier work.
"""

from __future__ import annotations

import hashlib
import uuid

NAMESPACE = uuid.UUID("6f1c6b0e-9a53-5b0c-8a4e-0d6f2b5a7c11")
_SEPARATOR = "\x1f"  # cannot occur in a delimited text cell that we accept, so parts never run together


def make_id(*parts: str) -> str:
    """Return the uuid5 of the parts, in order.

    >>> make_id("gbif", "123", "https://example.org/a.jpg", "")
    '8d4e74d0-a501-5a18-bb5f-1f1a85257984'
    >>> make_id("a", "b") == make_id("ab", "")
    False
    """
    return str(uuid.uuid5(NAMESPACE, _SEPARATOR.join(parts)))


def record_id(source: str, source_record_id: str, source_media_id: str, box_id: str = "") -> str:
    """Return the id of one record x medium x box of a source (`box_id` empty: the whole image)."""
    return make_id("record", source, source_record_id, source_media_id, box_id)


def ended_id(source: str, table: str, raw: str) -> str:
    """Return the id of an input row that never became a record, from its table and raw content."""
    return make_id("row", source, table, raw)


def media_id(address: str) -> str:
    """Return the id of a medium from where its bytes come: a URL, or a store address."""
    return make_id("media", address)


def image_id(media: str, box: str = "") -> str:
    """Return the id of one image: a medium, or the part of it inside one box ('x,y,w,h' in source pixels)."""
    return make_id("image", media, box)


def box_text(x: float | None, y: float | None, w: float | None, h: float | None) -> str:
    """Return the key of a box: its four numbers, or nothing for a whole image.

    >>> box_text(1.0, 2.0, 30.5, 4.0)
    '1.0,2.0,30.5,4.0'
    """
    return "" if x is None else f"{x!r},{y!r},{w!r},{h!r}"


def hash64(seed: int, key: str) -> int:
    """Return a seeded 64-bit hash of a key: the global shuffle's order and shard number come from it.

    >>> hash64(0, "a") != hash64(1, "a")
    True
    """
    digest = hashlib.blake2b(key.encode(), digest_size=8, salt=seed.to_bytes(8, "little", signed=True))
    return int.from_bytes(digest.digest(), "big")
