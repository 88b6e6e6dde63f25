"""What every media store can do: give the bytes of one medium, or the outcome that says why there are none.

Paths come from a release's tables, so they are foreign input: one that would leave the store finds nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import ClassVar, Self

from pipeline.model.fetched import Fetched
from pipeline.model.outcomes import Outcome
from pipeline.storage.stores import name_problem

Take = Callable[[int], object]
"""Told how many bytes of a body have been read, part by part; may wait before it returns."""


class MediaStore(ABC):
    """Media that somebody holds; a context manager. Reading from several threads is safe."""

    remote: ClassVar[bool] = False
    """Whether a read waits for a network, so that several at a time are worth while."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close what the store holds open."""
        return

    @abstractmethod
    def listing_digest(self) -> str:
        """Return a SHA-256 of what the store lists: it says whether that changed without reading millions of images."""

    @abstractmethod
    def read(self, relative_path: str, max_bytes: int, take: Take | None = None) -> Fetched:
        """Return the bytes of one medium by its path inside the store ('/' between parts), or why there are none.

        `take` is told of the bytes as they are read.
        """


def path_problem(path: str) -> str:
    r"""Return why a path cannot be a path inside the store; '' when it can.

    >>> path_problem("a/b.jpg"), path_problem("C:/b.jpg"), path_problem("a\\b.jpg")
    ('', 'the path leads out of the store', 'a backslash in the path')
    """
    if "\\" in path and "\0" not in path:
        return "a backslash in the path"
    if len(path.partition("/")[0]) == 2 and path[1] == ":":
        return "the path leads out of the store"
    return name_problem(path)


def read_parts(parts: Iterable[bytes], address: str, max_bytes: int, take: Take | None = None) -> Fetched:
    """Return the bytes of a medium that comes in parts, whatever size was declared for it; `take` is told of each part.

    No part is asked for once there are more bytes than allowed.

    >>> read_parts([b"ab", b"c"], "a.jpg", 3).data, read_parts([b"ab", b"c"], "a.jpg", 2).outcome.code
    (b'abc', 'too_large')
    """
    body = bytearray()
    for part in parts:
        if take is not None:
            take(len(part))
        body += part
        if len(body) > max_bytes:
            return too_large(address, len(body), max_bytes)
    if not body:
        return Fetched(Outcome.EMPTY, final_url=address, detail="a file of 0 bytes")
    return Fetched(None, data=bytes(body), final_url=address, attempts=1)


def too_large(address: str, size: int, max_bytes: int) -> Fetched:
    """Return the answer for a medium with more bytes than allowed."""
    return Fetched(Outcome.TOO_LARGE, final_url=address, detail=f"{size} bytes or more, {max_bytes} allowed")
