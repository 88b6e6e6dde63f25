"""Which store stands behind an address."""

from __future__ import annotations

import os
import re
from pathlib import Path

from pipeline.model.errors import StorageError
from pipeline.storage.stores.local_store import LocalStore
from pipeline.storage.stores.remote_store import RemoteStore
from pipeline.storage.stores.store import Store

# A scheme has two letters at least: 'C:/data' is a drive.
_LOST_SLASH = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/(?!/)")
_FILE = re.compile(r"(?:file|local)://")


def open_store(where: str | os.PathLike[str], patience: float = 0.0) -> Store:
    """Return the store of a folder, or of an address with a scheme such as 's3://bucket/shards'.

    An address is text and is taken as it is given: `Path("s3://bucket/shards")` has become 's3:/bucket/shards', which
    is refused. Nothing is asked of the place yet, and it need not be there. `patience`: seconds in which a remote store
    that is busy or cannot be reached is asked again, with longer and longer pauses.

    Raises StorageError when fsspec cannot open the address.

    >>> open_store("data/shards").where.startswith("/"), open_store("memory://data/shards").where
    (True, 'memory://data/shards')
    >>> open_store(Path("s3://bucket/shards"))
    Traceback (most recent call last):
        ...
    pipeline.model.errors.StorageError: the address has lost a slash
      where:  s3:/bucket/shards
      expect: scheme://place, such as s3://bucket/shards
      remedy: give the address as text, not as a Path
    """
    text = os.fspath(where)
    if scheme := _FILE.match(text):
        path = text[scheme.end() :].rstrip("/") or "/"
        return LocalStore(Path(path), f"{scheme[0]}{path}")
    if "://" in text:
        return RemoteStore(text, patience)
    if _LOST_SLASH.match(text) and not Path(text.partition("/")[0]).exists():
        scheme_name, _, rest = text.partition(":/")
        raise StorageError(
            "the address has lost a slash",
            text,
            f"scheme://place, such as {scheme_name}://{rest}",
            "give the address as text, not as a Path",
        )
    return LocalStore(Path(text))
