"""What stores state of a file: its size, its version, and, some of them, the MD5 of its content."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.storage.stores.store import Entry

SUMMED = 8 << 20
"""Bytes of a file whose MD5 is reckoned when it is written: it may be read again soon, from a copy of this machine."""
_VERSION_KEYS = ("ETag", "etag", "md5", "generation", "LastModified", "mtime", "created")
_MD5 = re.compile(r'"?([0-9a-f]{32})"?')


def stated_entry(name: str, info: Mapping[str, Any]) -> Entry:
    """Return a file as fsspec's file systems describe it.

    >>> stated_entry("a", {"size": 2, "ETag": '"99914b932bd37a50b983c5e7c90ae93b"'}).md5
    '99914b932bd37a50b983c5e7c90ae93b'
    """
    version = ", ".join(f"{key} {info[key]}" for key in _VERSION_KEYS if info.get(key))
    size = info.get("size")
    return Entry(name, None if size is None else int(size), version, _stated_md5(info))


def _stated_md5(info: Mapping[str, Any]) -> str:
    """Return what a store says of a file's MD5: S3 as the ETag of what came in one piece, Google in Base64."""
    if found := _MD5.fullmatch(str(info.get("ETag") or info.get("etag") or "")):
        return found[1]
    stated = info.get("md5Hash")
    return base64.b64decode(stated).hex() if isinstance(stated, str) else ""


def md5_of(file: Path) -> str:
    """Return the MD5 of a file of this machine, in hex: for knowing it again, never for trusting it."""
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
