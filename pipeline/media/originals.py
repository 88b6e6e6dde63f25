"""The bytes as they were fetched, kept on request: one tar per work unit, one member per content.

Members are named by the SHA-256 of their bytes (column `sha256` of the media table) and the format they have, so the
same bytes are kept once, and a member can be checked against its name with any tool.
"""

from __future__ import annotations

import hashlib
from typing import IO

from pipeline.shards import ShardWriter

_SUFFIXES = {"JPEG": "jpg", "TIFF": "tif"}


class Originals:
    """Write fetched bytes to a binary file as a ustar archive, in the order in which they are added.

    >>> import io, tarfile
    >>> file = io.BytesIO()
    >>> kept = Originals(file)
    >>> kept.add(b"one", "JPEG") == kept.add(b"one", "JPEG") == hashlib.sha256(b"one").hexdigest()
    True
    >>> kept.close()
    >>> [name[:4] + name[64:] for name in tarfile.open(fileobj=io.BytesIO(file.getvalue())).getnames()]
    ['7692.jpg']
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._tar = ShardWriter(file)
        self._seen: set[str] = set()

    def add(self, data: bytes, kind: str) -> str:
        """Write the bytes unless they are there already, and give their SHA-256; `kind` is a format of `sniff`."""
        digest = hashlib.sha256(data).hexdigest()
        if digest not in self._seen:
            self._seen.add(digest)
            self._tar.add(digest, [(_SUFFIXES.get(kind, kind.lower()), data)])
        return digest

    def close(self) -> None:
        """Write the end of the archive; the file itself stays open."""
        self._tar.close()
