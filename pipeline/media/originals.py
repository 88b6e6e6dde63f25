"""The bytes as they were fetched, kept on request: one file per content, named by it.

`originals/3f/3fa9….jpg` holds the bytes whose SHA-256 stands in column `sha256` of the media table. Bytes that come
from two addresses are kept once, a file can be checked against its own name with any tool, and writing one again
changes nothing, so a run that was killed goes on without asking what it had written.
"""

from __future__ import annotations

import hashlib

from pipeline.storage.files.atomic import atomic_path
from pipeline.storage.places import Place

_SUFFIXES = {"JPEG": "jpg", "TIFF": "tif"}


def keep_original(folder: Place, data: bytes, kind: str) -> Place:
    """Write the bytes under `folder`, unless they are there, and give the path; `kind` is a format of `sniff`.

    Raises StorageError when the file cannot be written.

    >>> import tempfile
    >>> from pathlib import Path
    >>> folder = Path(tempfile.mkdtemp())
    >>> path = keep_original(folder, b"one", "JPEG")
    >>> path.parent.name, path.name[:6], path.suffix, path == keep_original(folder, b"one", "JPEG")
    ('76', '7692c3', '.jpg', True)
    """
    digest = hashlib.sha256(data).hexdigest()
    path = folder / digest[:2] / f"{digest}.{_SUFFIXES.get(kind, kind.lower())}"
    if not path.exists():
        with atomic_path(path) as temporary:
            temporary.write_bytes(data)
    return path
