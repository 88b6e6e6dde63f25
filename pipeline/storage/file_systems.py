"""Addresses with a scheme ('s3://bucket/prefix'): the file system behind one, and what it raises."""

from __future__ import annotations

import sys
from typing import Any

from pipeline.model.errors import StorageError

# Clients of object stores raise these beside OSError, and can only have raised them when they are loaded.
_CLIENTS = (
    ("botocore.exceptions", "BotoCoreError"),
    ("botocore.exceptions", "ClientError"),
    ("aiohttp", "ClientError"),
    ("gcsfs.retry", "HttpError"),
    ("azure.core.exceptions", "AzureError"),
)


def file_system(address: str, fresh: bool = False) -> tuple[Any, str]:
    """Return fsspec's file system of an address, and the address as a path of it; `fresh` shares no connection.

    Raises StorageError when fsspec has no file system of that scheme, or its package is not installed.

    >>> file_system("memory://a/b")[1]
    '/a/b'
    """
    import fsspec

    try:
        fs, path = fsspec.core.url_to_fs(address, **({"skip_instance_cache": True} if fresh else {}))
    except (ImportError, ValueError) as error:
        raise StorageError(
            f"the address cannot be opened: {error}",
            address,
            "an address of a file system that fsspec knows",
            "install its package (s3fs for s3://, gcsfs for gs://, adlfs for az://)",
        ) from error
    return fs, str(path).rstrip("/")


def failures() -> tuple[type[BaseException], ...]:
    """Return the exceptions by which file systems say that they failed."""
    found: list[type[BaseException]] = [OSError]
    for module, name in _CLIENTS:
        kind = getattr(sys.modules.get(module), name, None)
        if isinstance(kind, type) and issubclass(kind, BaseException):
            found.append(kind)
    return tuple(found)


def reason(error: BaseException) -> str:
    """Return an error's reason in one line."""
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).splitlines()[0]
