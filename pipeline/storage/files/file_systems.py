"""Addresses with a scheme ('s3://bucket/prefix'): the fsspec file system behind one."""

from __future__ import annotations

from typing import Any

from pipeline.model.errors import StorageError
from pipeline.storage.files.failures import failures


def file_system(address: str, fresh: bool = False) -> tuple[Any, str]:
    """Return fsspec's file system of an address, and the address as a path of it; `fresh` shares no connection.

    Raises StorageError when fsspec has no file system of that scheme, its package is not installed, or it cannot be
    set up (an account that is not stated). Nothing is asked of the store yet.

    >>> file_system("memory://a/b")[1]
    '/a/b'
    """
    import fsspec

    kinds: tuple[type[BaseException], ...] = (ImportError, *failures())
    try:
        fs, path = fsspec.core.url_to_fs(address, **({"skip_instance_cache": True} if fresh else {}))
    except kinds as error:
        raise StorageError(
            f"the address cannot be opened: {error}",
            address,
            "an address of a file system that fsspec knows",
            "install its package (s3fs for s3://, gcsfs for gs://, adlfs for az://)",
        ) from error
    return fs, str(path).rstrip("/")
