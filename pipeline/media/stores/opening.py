"""Which media store stands behind a path or an address."""

from __future__ import annotations

import os
from pathlib import Path

from pipeline.media.stores.folder_store import FolderStore
from pipeline.media.stores.media_store import MediaStore
from pipeline.model.errors import SourceError
from pipeline.storage.places.published import is_published


def open_store(path: Path | str) -> MediaStore:
    """Open a media store: a folder, a zip or tar, a folder of such parts, or an address that fsspec understands.

    Raises SourceError when the path does not exist, or a part cannot be read. A compressed tar has no index and would
    be read from its start for every image, so it is refused.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, open_store(folder) as store:
    ...     _ = Path(folder, "a.txt").write_bytes(b"abc")
    ...     store.read("a.txt", 100).data, store.read("../a.txt", 100).outcome.code
    (b'abc', 'missing_file')
    """
    if is_published(str(path)):
        from pipeline.media.stores.published_store import open_published

        return open_published(str(path))
    if "://" in str(path):
        from pipeline.media.stores.bucket_store import BucketStore

        return BucketStore(str(path))
    path = Path(path)
    if path.is_dir():
        files = sorted(entry for entry in path.iterdir() if entry.is_file())
        return FolderStore(path, tuple(part for part in files if part.suffix.lower() in (".zip", ".tar")))
    if path.is_file():
        return FolderStore(None, (path,))
    raise SourceError(
        "the media store does not exist",
        where=os.fspath(path),
        expected="a folder of images, a zip or tar, a folder of zips or tars, or an address such as s3://bucket/folder",
        remedy="correct `media` of the source, or leave it out to fetch from URLs",
    )
