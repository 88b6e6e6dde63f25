"""Room for a batch's pixels: what cannot lie in this machine's memory is refused, in bytes, before it is tried."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.model.errors import FeedError

_SMALL = 1 << 28
"""Bytes below which nobody is asked what is free: every machine that runs this has them."""


def check_memory(samples: int, side: int) -> None:
    """Raise FeedError where the pixels of so many samples are more than this machine has free, swap counted."""
    if samples * side * side * 3 < _SMALL:
        return
    if samples * side * side * 3 > _free():
        raise _too_large(samples, side)


@contextmanager
def enough_memory(samples: int, side: int, allocated: bool) -> Iterator[None]:
    """Raise FeedError for pixels that are too many, and for memory that runs out all the same.

    `allocated`: the caller has the array already, so that it is not asked for anew.
    """
    if not allocated:
        check_memory(samples, side)
    try:
        yield
    except MemoryError as error:
        raise _too_large(samples, side) from error


def _free() -> int:
    import psutil  # asked by large batches alone: a feed is read in environments that hold little else

    return int(psutil.virtual_memory().available + psutil.swap_memory().free)


def _too_large(samples: int, side: int) -> FeedError:
    images = "image" if samples == 1 else "images"
    return FeedError(
        f"a batch of {samples:,} {images} of {side:,} x {side:,} pixels takes {samples * side * side * 3:,} bytes",
        expected=f"what fits this machine: {_free():,} bytes of memory and swap are free",
        remedy="lower the batch or the size of the images, or cut the batch for more ranks",
    )
