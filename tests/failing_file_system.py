"""A file system behind 'failing://' that raises one exception at every call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, NoReturn

import fsspec
from fsspec.spec import AbstractFileSystem


class FailingFileSystem(AbstractFileSystem):  # type: ignore[misc]
    """Raises what a client raises whose error fsspec lets through."""

    protocol = "failing"
    error: ClassVar[BaseException] = OSError()

    def _fail(self, *_: Any, **__: Any) -> NoReturn:
        raise type(self).error

    cat_file = cat_ranges = open = info = find = pipe_file = put_file = get_file = rm_file = makedirs = _fail


@contextmanager
def failing_with(error: BaseException) -> Iterator[str]:
    """Yield an address at which every call raises `error`."""
    fsspec.register_implementation("failing", FailingFileSystem, clobber=True)
    before, FailingFileSystem.error = FailingFileSystem.error, error
    try:
        yield "failing://bucket/place"
    finally:
        FailingFileSystem.error = before
