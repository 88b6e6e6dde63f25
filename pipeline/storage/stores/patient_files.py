"""fsspec's file system as DuckDB reads it: a store that is busy, or cannot be reached, is asked again."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from fsspec import AbstractFileSystem

from pipeline.storage.files.byte_span import Positioned
from pipeline.storage.files.failures import failures
from pipeline.storage.stores.patience import patiently
from pipeline.storage.stores.store_error import StoreError, store_error


class PatientFileSystem(AbstractFileSystem):  # type: ignore[misc]
    """Reads through another file system, which is asked again; what fails for good is raised as that one said it.

    Clients of stores try some failures again and not others: an answer to HEAD has no body, and so does not say that
    the store is busy.

    >>> import fsspec
    >>> memory = fsspec.filesystem("memory")
    >>> memory.pipe_file("/doctest-patient/a", b"0123456789")
    >>> patient = PatientFileSystem(memory, 30.0)
    >>> with patient.open("memory://doctest-patient/a") as file:
    ...     file.seek(4), file.read(3), patient.size("memory://doctest-patient/a")
    (4, b'456', 10)
    """

    cachable = False

    def __init__(self, behind: Any, patience: float) -> None:
        super().__init__()
        self.protocol = behind.protocol
        self._behind, self._again = behind, _Again(patience)

    def open(self, path: str, mode: str = "rb", *args: Any, **named: Any) -> Any:
        """Return a file; one that is read is asked again, too."""
        file = self._again(self._behind.open, path, mode, *args, **named)
        return _PatientFile(file, self._again) if mode == "rb" else file

    def info(self, path: str, **named: Any) -> Any:
        """Return what is known of a path."""
        return self._again(self._behind.info, path, **named)

    def size(self, path: str) -> Any:
        """Return the bytes of a file."""
        return self._again(self._behind.size, path)

    def exists(self, path: str, **named: Any) -> bool:
        """Return whether there is such a path."""
        return bool(self._again(self._behind.exists, path, **named))

    def glob(self, path: str, **named: Any) -> Any:
        """Return the paths of a pattern."""
        return self._again(self._behind.glob, path, **named)

    def modified(self, path: str) -> Any:
        """Return when a file was written."""
        return self._again(self._behind.modified, path)

    def ls(self, path: str, detail: bool = True, **named: Any) -> Any:
        """Return what lies in a folder."""
        return self._again(self._behind.ls, path, detail=detail, **named)


class _Again:
    """Asks again what failed for a reason that may pass."""

    def __init__(self, patience: float) -> None:
        self.patience = patience

    def __call__(self, ask: Callable[..., Any], *args: Any, **named: Any) -> Any:
        try:
            return self._asked(ask, *args, **named)
        except StoreError as error:
            raise error.__cause__ or error from None

    @patiently
    def _asked(self, ask: Callable[..., Any], *args: Any, **named: Any) -> Any:
        try:
            return ask(*args, **named)
        except failures() as error:
            raise store_error(error, str(args[0]) if args else "") from error


class _PatientFile(Positioned):
    """A file whose every read begins where the one before ended, whatever became of it on the way."""

    def __init__(self, file: Any, again: _Again) -> None:
        super().__init__(int(file.seek(0, os.SEEK_END)))
        self._file, self._again = file, again

    def readinto(self, buffer: Any) -> int:
        data = self._again(self._read_at, self._at, len(buffer))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def _read_at(self, at: int, size: int) -> bytes:
        self._file.seek(at)
        return bytes(self._file.read(size))

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()
