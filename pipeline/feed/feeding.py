"""Which models this host can feed, what limits it, and what changes that: what is measured beside what is published."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.feed.demands import DEMANDS, Demand
from pipeline.feed.feed import Feed
from pipeline.feed.reading_rates import (
    Decoding,
    Parallel,
    Reading,
    Stored,
    as_stored,
    cpus,
    decoders,
    measured_decoding,
    measured_parallel,
    measured_reading,
    sampled,
)
from pipeline.feed.store import open_store
from pipeline.model.errors import FeedError

_IMAGES = 256
_PREFETCH = 2  # batches that PyTorch's DataLoader keeps ready for each worker
_SHM = "/dev/shm"
_ALONE = 0.85  # of the CPU time that so many workers can have


@dataclass(frozen=True, slots=True)
class Fed:
    """Whether a model can be fed, and what limits it."""

    demand: Demand
    wanted: float
    """Images a second of all GPUs."""
    share: float
    """Of it that this host gives, at most 1."""
    limit: str
    """'disk', 'network' or 'decode'; '' where nothing does."""
    cpus: float
    """That decoding for it takes, with the decoder that was asked for."""


@dataclass(frozen=True, slots=True)
class Feeding:
    """All that `biomill feed RUN --bench` tells."""

    folder: str
    size: int
    decoder: str
    gpus: int
    cpus: int
    stored: Stored
    reading: Reading
    decoding: tuple[Decoding, ...]
    parallel: tuple[Parallel, ...]
    shm_free: int | None
    """Free bytes of /dev/shm; None where there is none."""
    shm_needed: int
    """Bytes there of the batches that a worker for each CPU keeps ready."""

    @property
    def best(self) -> Parallel:
        """The fastest of those that were tried."""
        return max(self.parallel, key=lambda each: each.images_per_s)

    @property
    def supply(self) -> float:
        """Images a second that this host gives."""
        return min(self.best.images_per_s, self.reading.images_per_s)

    def fed(self) -> list[Fed]:
        """Return what becomes of each model of the table."""
        cost = next(each.images_per_cpu_s for each in self.decoding if each.decoder == self.decoder)
        found = []
        for demand in DEMANDS:
            wanted = demand.images_per_s * self.gpus
            place = "disk" if self.reading.near else "network"
            limit = place if self.reading.images_per_s < self.best.images_per_s else "decode"
            share = min(1.0, self.supply / wanted)
            found.append(Fed(demand, wanted, share, "" if share == 1 else limit, wanted / cost))
        return found

    def remedies(self) -> Iterator[str]:
        """Yield what changes what limits."""
        short = min(self.stored.width, self.stored.height)
        limits = {each.limit for each in self.fed()}
        mine = next(each for each in self.decoding if each.decoder == self.decoder)
        best = max(self.decoding, key=lambda each: each.images_per_cpu_s)
        if "decode" in limits:
            if best.images_per_cpu_s > 1.05 * mine.images_per_cpu_s:
                gain = best.images_per_cpu_s / mine.images_per_cpu_s
                yield f"decoder {best.decoder}: {gain:.2f} x the images of a CPU here (View(decoder='{best.decoder}'))"
            if short > 1.5 * self.size:
                yield (
                    f"store smaller images: the short side is {short}, a size of "
                    f"{self.size} needs some {self.size * 8 // 7} (image.side of the recipe, or biomill export)"
                )
            yield f"more CPUs: {self.cpus} are here, and decoding grows with them"
        if "disk" in limits:
            yield "a faster disk, or mode 'stream', which reads shards from front to back"
        if "network" in limits:
            yield "shards on a local disk, or mode 'stream', which asks for long stretches of them"
        if limits & {"disk", "network"} and short > 1.5 * self.size:
            yield "smaller stored images, which are fewer bytes"
        if self.shm_free is not None and self.shm_needed > self.shm_free:
            told = f"/dev/shm has {self.shm_free / 1e9:.1f} GB free, {self.cpus} workers want "
            yield f"{told}{self.shm_needed / 1e9:.1f}: fewer workers and more threads, or docker run --shm-size"

    def facts(self) -> dict[str, Any]:
        """Return all of it, as JSON holds it."""
        return {
            "folder": self.folder,
            "size": self.size,
            "decoder": self.decoder,
            "gpus": self.gpus,
            "cpus": self.cpus,
            "stored": asdict(self.stored),
            "reading": asdict(self.reading),
            "decoding": [{**asdict(each), "images_per_cpu_s": each.images_per_cpu_s} for each in self.decoding],
            "parallel": [asdict(each) for each in self.parallel],
            "supply": self.supply,
            "shm_free": self.shm_free,
            "shm_needed": self.shm_needed,
            "models": [
                {
                    **asdict(each.demand),
                    "wanted": each.wanted,
                    "share": each.share,
                    "limit": each.limit,
                    "cpus": each.cpus,
                }
                for each in self.fed()
            ],
            "remedies": list(self.remedies()),
        }


def measure(feed: Feed, gpus: int, batch: int, images: int = _IMAGES, seconds: float = 2.0) -> Feeding:
    """Measure reading on this host, with so many images, and for so many seconds each with threads and processes.

    Raises FeedError for a size larger than what is stored, and for a decoder that is not installed.
    """
    here = decoders()
    if feed.view.decoder not in here:
        raise FeedError(
            f"the decoder {feed.view.decoder} is not installed",
            expected=f"one of {', '.join(here)}",
            remedy=f"pip install {feed.view.decoder}",
        )
    store = open_store(feed.folder)
    reading, jpegs = measured_reading(store, sampled(feed, images))
    stored = as_stored(jpegs, feed.view.size)
    side = feed.view.size
    return Feeding(
        folder=feed.folder,
        size=side,
        decoder=feed.view.decoder,
        gpus=gpus,
        cpus=cpus(),
        stored=stored,
        reading=reading,
        decoding=tuple(measured_decoding(jpegs, feed.view, here)),
        parallel=tuple(measured_parallel(feed, cpus(), seconds)),
        shm_free=_free(),
        shm_needed=cpus() * _PREFETCH * max(1, batch // gpus) * side * side * 3,
    )


def lines(found: Feeding) -> Iterator[str]:
    """Yield what was measured, then what is published and what follows."""
    stored, reading = found.stored, found.reading
    yield f"measured here, {found.cpus} CPUs, with {stored.images:,} images of {found.folder}:"
    yield f"  stored  {stored.width} x {stored.height} pixels, {stored.kilobytes:.0f} kB; shown at {found.size}"
    state = "page cache dropped" if reading.cold else "as caches were"
    yield (
        f"  read    {reading.images_per_s:,.0f} images/s, {reading.megabytes_per_s:,.0f} MB/s "
        f"by {reading.threads} threads ({state})"
    )
    for each in found.decoding:
        yield (
            f"  {each.decoder:<11} decode {each.decode_ms:.2f} ms, resample {each.resample_ms:.2f} ms: "
            f"{each.images_per_cpu_s:,.0f} images per CPU s"
        )
    for one in found.parallel:
        kind = one.kind if one.workers > 1 else {"threads": "thread", "processes": "process"}[one.kind]
        yield (
            f"  {one.workers} {kind}: {one.images_per_s:,.0f} images/s with {found.decoder}, "
            f"{one.images_per_cpu_s:,.0f} a CPU s"
        )
    if found.best.had < _ALONE:
        yield (
            f"  other programs run here: the fastest had {found.best.had:.0%} of the CPUs that it could use, so that "
            "these rates are lower than alone"
        )
    if found.shm_free is not None:
        yield (
            f"  /dev/shm {found.shm_free / 1e9:.1f} GB free; {found.cpus} workers of DataLoader want "
            f"{found.shm_needed / 1e9:.1f} GB"
        )
    plural = "GPUs take" if found.gpus > 1 else "GPU takes"
    yield f"this host gives {found.supply:,.0f} images/s; from literature, not measured, {found.gpus} {plural}:"
    for fed in found.fed():
        kind = "published" if fed.demand.published else "computed"
        told = "fed" if fed.share == 1 else f"{fed.share:.0%} fed, {fed.limit} limits"
        yield (
            f"  {fed.demand.model} on {fed.demand.gpu}: {fed.wanted:,.0f} images/s ({kind}), "
            f"{fed.cpus:,.1f} CPUs to decode: {told}"
        )
    yield from (f"to feed more: {each}" for each in found.remedies())
    yield "sources:"
    yield from dict.fromkeys(f"  {each.model} on {each.gpu}: {each.source}" for each in DEMANDS)


def _free() -> int | None:
    try:
        state = os.statvfs(_SHM)
    except OSError:
        return None
    return state.f_bavail * state.f_frsize
