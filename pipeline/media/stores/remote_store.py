"""A media store in an object store, through fsspec: s3://, gs://, and whatever else it has a package for."""

from __future__ import annotations

import hashlib
from typing import Any, ClassVar

import fsspec

from pipeline.media.stores.stores import Store, Take, path_problem, read_stream
from pipeline.model.errors import SourceError
from pipeline.model.fetched import Fetched
from pipeline.model.outcomes import Outcome


class RemoteStore(Store):
    """Objects below an address. Which ones there are is not listed: a bucket may hold a hundred million.

    Raises SourceError when the address has a scheme that needs a package which is not installed, or is one that asks
    foreign hosts (http, ftp): those are for URLs, which are fetched with manners.

    >>> fsspec.filesystem("memory").pipe("/photos/1.jpg", b"abc")
    >>> with RemoteStore("memory://photos") as store:
    ...     store.read("1.jpg", 100).data, store.read("../1.jpg", 100).outcome.code, store.read("2.jpg", 9).outcome.code
    (b'abc', 'missing_file', 'missing_file')
    """

    remote: ClassVar[bool] = True

    def __init__(self, address: str) -> None:
        self._address = address.rstrip("/")
        scheme = address.partition("://")[0].lower()
        if scheme in ("http", "https", "ftp", "ftps"):
            raise SourceError(
                "a web address is not a media store",
                where=address,
                expected="a folder, zip or tar, or an object store such as s3://bucket/folder",
                remedy="leave `media` out: media are fetched from their URLs",
            )
        try:
            self._files, self._root = fsspec.core.url_to_fs(self._address)
        except (ImportError, ValueError) as error:
            raise SourceError(
                f"the media store cannot be reached: {error}",
                where=address,
                expected="an address that fsspec understands",
                remedy=f"install the fsspec package for {scheme}:// (s3fs, gcsfs, adlfs), or correct the address",
            ) from error

    def listing_digest(self) -> str:
        """Return the SHA-256 of the address: what lies there is not listed, and taken as it is when it is read."""
        return hashlib.sha256(self._address.encode()).hexdigest()

    def read(self, relative_path: str, max_bytes: int, take: Take | None = None) -> Fetched:
        """Return the bytes of one object; MISSING_FILE, TOO_LARGE, EMPTY, or CONNECT_FAILED when the store fails."""
        name = f"{self._address}/{relative_path}"
        reason = path_problem(relative_path)
        if reason:
            return Fetched(Outcome.MISSING_FILE, final_url=name, detail=reason)
        try:
            stream: Any = self._files.open(f"{self._root.rstrip('/')}/{relative_path}", "rb")
            with stream:
                return read_stream(stream, name, max_bytes, take)
        except (FileNotFoundError, IsADirectoryError):
            return Fetched(Outcome.MISSING_FILE, final_url=name, detail="no such object")
        except PermissionError as error:
            return Fetched(Outcome.BLOCKED, final_url=name, detail=f"the store refuses: {error}"[:300])
        except OSError as error:
            return Fetched(Outcome.CONNECT_FAILED, final_url=name, detail=f"the store failed: {error}"[:300])
