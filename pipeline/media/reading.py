"""Reading many media from a store at once, where a read waits for a network: bounded in number and in bytes."""

from __future__ import annotations

import queue
from collections.abc import Callable, Generator, Hashable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from pipeline.media.http.budget import ByteBudget, Holder
from pipeline.media.stores import Take
from pipeline.model.fetched import Fetched

Key = TypeVar("Key", bound=Hashable)
Answered = TypeVar("Answered", bound="Fetched | None")
READERS = 16
"""Reads at a time: an object store answers in some 50 ms, however many ask."""
HELD_BYTES = 64 << 20
"""Bytes that are held at once: arriving, or waiting to be used. One largest medium comes on top."""


def read_many(
    wanted: Iterator[tuple[Key, str]],
    read: Callable[[str, Take], Answered],
    readers: int = READERS,
    held_bytes: int = HELD_BYTES,
) -> Generator[tuple[Key, Answered]]:
    """Yield (key, answer) for every (key, name) that is wanted, as the answers come, in any order.

    `wanted` is read, and answers are used, in the caller's thread alone; `read` runs in up to `readers` threads, and
    calls what it is given with the number of bytes that each part of a body has, which may wait for others to be used.
    At most `readers` answers are under way or wait. What `read` raises ends all of it, and is raised here.

    >>> answers = read_many(iter([(1, "a"), (2, "b")]), lambda name, take: Fetched(None, data=name.encode()))
    >>> sorted((key, answer.data) for key, answer in answers)
    [(1, b'a'), (2, b'b')]
    """
    answers: queue.SimpleQueue[tuple[Key, Answered, Holder] | BaseException] = queue.SimpleQueue()
    budget = ByteBudget(held_bytes)

    def work(key: Key, name: str) -> None:
        holder = budget.holder()
        try:
            answer = read(name, holder.take)
        except BaseException as error:  # noqa: BLE001 - carried to the caller's thread, where it is raised
            answers.put(error)
            return
        if answer is None or not answer.data:
            holder.release()
        answers.put((key, answer, holder))

    pool = ThreadPoolExecutor(readers, thread_name_prefix="biomill-store")
    pending = 0
    try:
        while True:
            while pending < readers and (pair := next(wanted, None)) is not None:
                pool.submit(work, *pair)
                pending += 1
            if not pending:
                return
            found = answers.get()
            pending -= 1
            if isinstance(found, BaseException):
                raise found
            key, answer, holder = found
            yield key, answer
            holder.release()
    finally:
        budget.close()  # readers that wait for bytes would be waited for
        pool.shutdown(wait=True, cancel_futures=True)
