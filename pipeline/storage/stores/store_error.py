"""The one error of all stores."""

from __future__ import annotations

from pipeline.model.errors import StorageError
from pipeline.storage.files.failures import FailureKind, failure_code, failure_kind, reason

_REMEDIES = {
    FailureKind.MISSING: "correct the address or the name",
    FailureKind.REFUSED: "give credentials of the store that have the right to it",
    FailureKind.EXISTS: "give another name, or remove what is there",
    FailureKind.SHORT: "write or copy the file again",
    FailureKind.TOO_LARGE: "",
    FailureKind.FAILED: "mend the cause, then run the same command again",
}
_EXPIRED = "the credentials are no longer valid: get new ones, then run the same command again: it goes on from here"
_CODE_REMEDIES = {
    "ExpiredToken": _EXPIRED,
    "TokenRefreshRequired": _EXPIRED,
    "InvalidToken": _EXPIRED,
    "RequestTimeTooSkewed": "set the clock of this machine, then run the same command again: it goes on from here",
    "SlowDown": "run the same command again when the store is less busy, or with fewer workers: it goes on from here",
}
_NO_WRITING = "give credentials of the store that have the right to write and to delete there"


class StoreError(StorageError):
    """A file of a store cannot be read, listed, written or deleted, whatever its client raised.

    `kind` tells what is missing from what is refused and what failed; `reason` is the client's word for it, in one
    line, for callers that say it in their own. Survives pickling.
    """

    def __init__(
        self,
        what: str,
        where: str = "",
        expected: str = "",
        remedy: str = "",
        kind: FailureKind = FailureKind.FAILED,
        reason: str = "",
    ) -> None:
        super().__init__(what, where, expected, remedy)
        self.kind, self.reason = kind, reason or what

    def __reduce__(self) -> tuple[type[StoreError], tuple[str, str, str, str, FailureKind, str]]:
        """Return how to make it anew; the base class travels with four words only."""
        return StoreError, (self.what, self.where, self.expected, self.remedy, self.kind, self.reason)


def store_error(error: BaseException, where: str, done: str = "read") -> StoreError:
    """Return the error of a store for what its client raised; `done` says what could not be done.

    >>> print(store_error(FileNotFoundError(2, "No such file or directory"), "s3://b/a.tar"))
    the file cannot be read: No such file or directory
      where:  s3://b/a.tar
      remedy: correct the address or the name
    """
    kind, why = failure_kind(error), reason(error)
    remedy = _REMEDIES[kind]
    if kind is FailureKind.REFUSED and done in ("written", "deleted"):
        remedy = _NO_WRITING
    remedy = _CODE_REMEDIES.get(failure_code(error), remedy)
    return StoreError(f"the file cannot be {done}: {why}", where, "", remedy, kind, why)


def short_error(found: int, wanted: int, where: str) -> StoreError:
    """Return the error of a file that ends before the bytes that were asked for."""
    why = f"{found} of {wanted} bytes"
    remedy = _REMEDIES[FailureKind.SHORT]
    return StoreError(f"the file ends early: {why}", where, "", remedy, FailureKind.SHORT, why)


def cut_error(where: str) -> StoreError:
    """Return the error of a listing of which a page says that more follows, and not where."""
    return StoreError(
        "the listing is cut: the store says that more follows, and gives no NextContinuationToken",
        where,
        "all pages of the listing, each with where the next one begins",
        "run the same command again; if it stays so, the store does not list as S3 does",
    )


def too_large_error(limit: int, where: str) -> StoreError:
    """Return the error of a file with more bytes than are allowed."""
    why = f"more than {limit} bytes"
    return StoreError(f"the file is too large: {why}", where, f"at most {limit} bytes", "", FailureKind.TOO_LARGE, why)


def name_error(name: str, problem: str, where: str) -> StoreError:
    """Return the error of a name that names nothing in the store."""
    expected = "a path below the address, '/' between its parts"
    return StoreError(f"{name!r} names no file: {problem}", where, expected, "", FailureKind.MISSING, problem)
