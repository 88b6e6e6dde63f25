"""Media in an object store: s3://, gs://, and whatever else fsspec has a package for."""

from __future__ import annotations

import hashlib
from contextlib import closing
from typing import ClassVar

from pipeline.media.stores.media_store import MediaStore, Take, path_problem, read_parts
from pipeline.model.errors import SourceError, StorageError
from pipeline.model.fetched import Fetched
from pipeline.model.outcomes import Outcome
from pipeline.storage.stores import FailureKind, StoreError, open_store

_MOST_DETAIL = 300  # characters of a store's own words
_OUTCOMES = {
    FailureKind.MISSING: (Outcome.MISSING_FILE, "no such object"),
    FailureKind.REFUSED: (Outcome.BLOCKED, "the store refuses: {}"),
    FailureKind.SHORT: (Outcome.SHORT_BODY, "the object breaks off: {}"),
}


class BucketStore(MediaStore):
    """Objects below an address. Which ones there are is not listed: a bucket may hold a hundred million.

    Raises SourceError when the address has a scheme that needs a package which is not installed, or is one that asks
    foreign hosts (http, ftp): those are for URLs, which are fetched with manners.

    >>> open_store("memory://photos").write("1.jpg", b"abc")
    >>> with BucketStore("memory://photos") as store:
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
            self._objects = open_store(address)
        except StorageError as error:
            raise SourceError(
                f"the media store cannot be reached: {error.__cause__ or error.what}",
                where=address,
                expected="an address that fsspec understands",
                remedy=f"install the fsspec package for {scheme}:// (s3fs, gcsfs, adlfs), or correct the address",
            ) from error

    def listing_digest(self) -> str:
        """Return the SHA-256 of the address: what lies there is not listed, and taken as it is when it is read."""
        return hashlib.sha256(self._address.encode()).hexdigest()

    def read(self, relative_path: str, max_bytes: int, take: Take | None = None) -> Fetched:
        """Return the bytes of one object.

        Outcomes: MISSING_FILE, TOO_LARGE, EMPTY, BLOCKED when the store refuses, SHORT_BODY when the object ends before
        its size, CONNECT_FAILED when the store or its client fails in any other way.
        """
        name = f"{self._address}/{relative_path}"
        problem = path_problem(relative_path)
        if problem:
            return Fetched(Outcome.MISSING_FILE, final_url=name, detail=problem)
        try:
            with closing(self._objects.stream(relative_path)) as parts:
                return read_parts(parts, name, max_bytes, take)
        except StoreError as error:
            outcome, said = _OUTCOMES.get(error.kind, (Outcome.CONNECT_FAILED, "the store failed: {}"))
            return Fetched(outcome, final_url=name, detail=said.format(error.reason)[:_MOST_DETAIL])
