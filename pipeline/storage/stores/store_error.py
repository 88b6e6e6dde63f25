"""The one error of all stores."""

from __future__ import annotations

from pipeline.model.errors import StorageError
from pipeline.storage.files.failures import FailureKind, failure_kind, reason

_REMEDIES = {
    FailureKind.MISSING: "correct the address or the name",
    FailureKind.REFUSED: "give credentials of the store that have the right to it",
    FailureKind.EXISTS: "give another name, or remove what is there",
    FailureKind.SHORT: "write or copy the file again",
    FailureKind.TOO_LARGE: "",
    FailureKind.FAILED: "mend the cause, then run the same command again",
}


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
    return StoreError(f"the file cannot be {done}: {why}", where, "", _REMEDIES[kind], kind, why)


def short_error(found: int, wanted: int, where: str) -> StoreError:
    """Return the error of a file that ends before the bytes that were asked for."""
    why = f"{found} of {wanted} bytes"
    remedy = _REMEDIES[FailureKind.SHORT]
    return StoreError(f"the file ends early: {why}", where, "", remedy, FailureKind.SHORT, why)


def too_large_error(limit: int, where: str) -> StoreError:
    """Return the error of a file with more bytes than are allowed."""
    why = f"more than {limit} bytes"
    return StoreError(f"the file is too large: {why}", where, f"at most {limit} bytes", "", FailureKind.TOO_LARGE, why)


def name_error(name: str, problem: str, where: str) -> StoreError:
    """Return the error of a name that names nothing in the store."""
    expected = "a path below the address, '/' between its parts"
    return StoreError(f"{name!r} names no file: {problem}", where, expected, "", FailureKind.MISSING, problem)
