"""What reading costs on this host, measured with the run's own shards: bytes, decoding, resampling, all at once.

CPU times are those of one thread, medians of rounds in which every decoder has its turn. Reading is timed with the page
cache dropped for the files read where the kernel can be asked to (local files); rates in parallel are of warm files, so
that they tell what decoding allows.
"""

from __future__ import annotations

import importlib.util
import io
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PIL import Image

from pipeline.feed.choices import DECODERS
from pipeline.feed.decoding import DRAWS, View, decoded
from pipeline.feed.feed import Feed
from pipeline.feed.permutation import Permutation, uniforms
from pipeline.feed.store import ShardStore, Span
from pipeline.model.errors import FeedError

Jpegs = Sequence[bytes]
Worked = tuple[int, float, float]
_ROUNDS = 3
_BATCH = 16


@dataclass(frozen=True, slots=True)
class Stored:
    """The images that were looked at, as they are stored."""

    images: int
    width: int
    height: int
    """Medians, in pixels."""
    kilobytes: float
    """Mean of a JPEG."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Reading them from where they lie, by so many threads."""

    images_per_s: float
    megabytes_per_s: float
    threads: int
    near: bool
    """On a disk of this machine; False for an address."""
    cold: bool
    """The page cache was dropped before; False for what it may have held, and for stores elsewhere."""


@dataclass(frozen=True, slots=True)
class Decoding:
    """What an image costs one CPU, in milliseconds."""

    decoder: str
    decode_ms: float
    resample_ms: float

    @property
    def images_per_cpu_s(self) -> float:
        """Images that one CPU decodes and resamples in a second."""
        return 1000 / (self.decode_ms + self.resample_ms)


@dataclass(frozen=True, slots=True)
class Parallel:
    """Batches read, decoded and resampled by several at a time."""

    kind: str
    """'threads' or 'processes'."""
    workers: int
    images_per_s: float
    images_per_cpu_s: float
    had: float
    """Share of the CPU time that so many could have had; less than 1 where other programs run, or reading waits."""


def decoders() -> list[str]:
    """Return the decoders that are installed."""
    return [name for name in DECODERS if name == "pillow" or importlib.util.find_spec(name)]


def cpus() -> int:
    """Return the CPUs that this process may use."""
    return len(os.sched_getaffinity(0))


def sampled(feed: Feed, images: int) -> list[Span]:
    """Return where some images lie, spread over the run by its seed."""
    rows = Permutation(len(feed), feed.rules.seed)(np.arange(min(images, len(feed))))
    return [feed.manifest.span(row) for row in rows.tolist()]


def measured_reading(store: ShardStore, spans: Sequence[Span]) -> tuple[Reading, list[bytes]]:
    """Return the rate of reading, and what was read."""
    cold = _dropped(store, {span.name for span in spans})
    threads = min(len(spans), 4 * cpus())
    parts = [spans[start::threads] for start in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        begun = time.perf_counter()
        found = [each for part in pool.map(store.spans, parts) for each in part]
        took = max(time.perf_counter() - begun, 1e-9)
    return Reading(len(found) / took, sum(map(len, found)) / took / 1e6, threads, store.folder is not None, cold), found


def as_stored(jpegs: Jpegs, size: int) -> Stored:
    """Return how the images are stored; raise FeedError where most are smaller than the size that is asked for."""
    sizes = []
    for each in jpegs:
        with Image.open(io.BytesIO(each)) as image:
            sizes.append(image.size)
    width, height = (int(statistics.median(side)) for side in zip(*sizes, strict=True))
    short = int(statistics.median(map(min, sizes)))
    if size > short:
        raise FeedError(
            f"a size of {size} is larger than what is stored: {width} x {height} pixels in the middle",
            expected=f"at most {short}",
            remedy="name a smaller --size; or run with a larger image.side, as images are not made larger",
        )
    return Stored(len(sizes), width, height, sum(map(len, jpegs)) / len(jpegs) / 1000)


def measured_decoding(jpegs: Jpegs, view: View, names: Sequence[str]) -> list[Decoding]:
    """Return what decoding and resampling cost with each decoder."""
    draws = uniforms(1, np.arange(len(jpegs)), DRAWS).tolist()
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    for turn in range(_ROUNDS + 1):
        for name in names:
            shown = replace(view, decoder=name)
            decoding = resampling = 0.0
            for jpeg, draw in zip(jpegs, draws, strict=True):
                begun = time.thread_time()
                raster = decoded(jpeg, shown, draw)
                between = time.thread_time()
                raster.resampled(shown)
                decoding += between - begun
                resampling += time.thread_time() - between
            if turn:  # the first round warms up
                taken[name].append((decoding, resampling))
    scale = 1000 / len(jpegs)
    return [
        Decoding(name, *(statistics.median(part) * scale for part in zip(*times, strict=True)))
        for name, times in taken.items()
    ]


def measured_parallel(feed: Feed, most: int, seconds: float) -> Iterator[Parallel]:
    """Yield the rates of 1, 2, 4 ... `most` threads, and of as many processes."""
    counts = sorted({*(1 << power for power in range(most.bit_length()) if 1 << power <= most), most})
    rules = replace(feed.rules, batch=min(_BATCH, len(feed)), mode="index", once=False, lanes=1, threads=1)
    source = feed.again(rules)
    for count in counts:
        threaded = feed.again(replace(rules, threads=count, batch=rules.batch * count))
        threaded.batch(0)
        yield _told("threads", count, [_worked(threaded, 1, seconds)])
    for count in counts:
        yield _told("processes", count, _by_processes(source, count, seconds))


def _told(kind: str, workers: int, done: Sequence[Worked]) -> Parallel:
    """Return the rates of what worked at the same time, each given as images, seconds and CPU seconds."""
    images, spent = sum(each[0] for each in done), sum(each[2] for each in done)
    could = max(each[1] for each in done) * min(workers, cpus())
    return Parallel(
        kind, workers, sum(each[0] / each[1] for each in done), images / max(spent, 1e-9), min(1.0, spent / could)
    )


def _worked(feed: Feed, step: int, seconds: float) -> Worked:
    """Read batches for some time; return images, seconds, and CPU seconds of this process."""
    begun, cpu, images = time.perf_counter(), time.process_time(), 0
    while (took := time.perf_counter() - begun) < seconds:
        images += len(feed.batch(step).keys)
        step += 1
    return images, took, time.process_time() - cpu


def _by_processes(feed: Feed, count: int, seconds: float) -> list[Worked]:
    context: Any = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(count), context.Queue()
    started = [context.Process(target=_one, args=(feed, number, seconds, barrier, results)) for number in range(count)]
    for process in started:
        process.start()
    try:
        return [results.get(timeout=120) for _ in started]
    finally:
        for process in started:
            process.join(10)
            process.kill()


def _one(feed: Feed, number: int, seconds: float, barrier: Any, results: Any) -> None:
    feed.batch(number * 10_000)
    barrier.wait(60)
    results.put(_worked(feed, number * 10_000 + 1, seconds))


def _dropped(store: ShardStore, names: set[str]) -> bool:
    """Drop the files' pages from the kernel's cache; return whether that could be asked for."""
    drop: Callable[..., None] | None = getattr(os, "posix_fadvise", None)
    if store.folder is None or drop is None:
        return False
    try:
        for name in names:
            with (store.folder / name).open("rb") as file:
                os.fsync(file.fileno())
                drop(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    except OSError:
        return False  # what cannot be read is said, with its remedy, by the store that reads it next
    return True
