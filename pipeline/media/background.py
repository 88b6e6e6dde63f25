"""Slow decodes, done in the background: one at a time, in a thread of their own, so that no host waits for another's.

Bodies that wait their turn lie on disk, so that they hold none of the memory that other hosts' answers need. The file
of a killed run has a temporary name, which the next run sweeps.
"""

from __future__ import annotations

import contextlib
import threading
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Generic, Self, TypeVar

from pipeline.model.fetched import Fetched
from pipeline.storage.files.atomic import TEMPORARY_PREFIX, storage_error

Key = TypeVar("Key")
MOST_BYTES = 2 << 30
"""Bytes of bodies that may wait on disk; whoever submits one more waits until there is room."""


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[Key]):
    key: Key
    fetched: Fetched  # without its bytes, where they lie on disk
    size: int
    path: Path | None


class Background(Generic[Key]):
    """Calls `work(key, fetched)` for every submitted answer, in order, in one thread; a context manager.

    `failed` is called once with the first exception of `work`, in that thread; what was submitted after it is dropped.
    Leaving the block waits until all is done, and raises that exception, unless the block failed itself.

    >>> import tempfile
    >>> seen = []
    >>> with Background(Path(tempfile.mkdtemp()), lambda key, fetched: seen.append(len(fetched.data)), print) as aside:
    ...     for number in range(3):
    ...         aside.submit("key", Fetched(None, data=b"x" * number))
    >>> seen
    [0, 1, 2]
    """

    def __init__(
        self, folder: Path, work: Callable[[Key, Fetched], None], failed: Callable[[BaseException], None]
    ) -> None:
        self._folder, self._do, self._failed = folder, work, failed
        self._waiting: deque[_Waiting[Key]] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None  # most fetches never need it
        self._on_disk = 0
        self._busy = self._ended = False
        self._failure: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._ended = True
            if kind is not None:
                self._drop()
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
        if kind is None and self._failure is not None:
            raise self._failure

    def submit(self, key: Key, fetched: Fetched) -> None:
        """Take one answer. Raises StorageError when its bytes cannot be put on disk."""
        with self._changed:
            direct = not self._busy and not self._waiting
            self._changed.wait_for(lambda: self._failure or not self._on_disk or self._on_disk < MOST_BYTES)
            if self._failure is not None:
                return
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="biomill-background", daemon=True)
                self._thread.start()
            size = len(fetched.data)
            path = None if direct else self._write(fetched.data)
            self._on_disk += 0 if direct else size
            bodiless = fetched if direct else replace(fetched, data=b"")
            self._waiting.append(_Waiting(key, bodiless, size, path))
            self._changed.notify_all()

    def _write(self, data: bytes) -> Path:
        path = self._folder / f"{TEMPORARY_PREFIX}{uuid.uuid4().hex[:12]}-body"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        except OSError as error:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
            raise storage_error(error, path) from error
        return path

    def _run(self) -> None:
        while (waiting := self._next()) is not None:
            try:
                self._do(waiting.key, self._body(waiting))
            except BaseException as error:  # noqa: BLE001 - carried to the caller, who raises it
                with self._changed:
                    self._failure = error
                    self._drop()
                    self._changed.notify_all()
                self._failed(error)
                return

    def _next(self) -> _Waiting[Key] | None:
        with self._changed:
            self._busy = False
            self._changed.wait_for(lambda: self._ended or bool(self._waiting))
            if not self._waiting:
                return None
            self._busy = True
            return self._waiting.popleft()

    def _body(self, waiting: _Waiting[Key]) -> Fetched:
        if waiting.path is None:
            return waiting.fetched
        data = waiting.path.read_bytes()
        waiting.path.unlink()
        with self._changed:
            self._on_disk -= waiting.size
            self._changed.notify_all()
        return replace(waiting.fetched, data=data)

    def _drop(self) -> None:
        for waiting in self._waiting:
            if waiting.path is not None:
                waiting.path.unlink(missing_ok=True)
        self._waiting.clear()
