"""What a feed gives: the rules that, with the manifest, decide every batch."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.feed.choices import MODES, MOST_THREADS, SAMPLERS
from pipeline.feed.kinds import check_kinds
from pipeline.model.errors import FeedError


@dataclass(frozen=True, slots=True)
class Rules:
    """Which samples come in which order; all of it is part of the feed's digest, but `threads`."""

    batch: int
    """Samples of one step, over all ranks."""
    seed: int = 0
    mode: str = "index"
    """'index': any sample at any time, by position; for local disks. 'stream': few shards open, each read from front to
    back; for object stores and slow disks."""
    sampler: str = "uniform"
    """'uniform', 'cap', 'sqrt' or 'balanced'; the last two only in mode 'index'."""
    cap: int = 0
    """Sampler 'cap': most samples of a taxon in an epoch."""
    split: str = "train"
    """Split of the dataset; '' for all."""
    where: str = ""
    """A condition in SQL on the samples, or a SELECT that gives their keys; '' for all."""
    lanes: int = 1
    """Stream: places of the epoch that are read at the same time, each by one rank. Set it to the largest number of
    ranks that you will use; fewer ranks read several lanes each."""
    open_shards: int = 8
    """Stream: shards that take turns in a lane."""
    chunk: int = 256
    """Stream: consecutive samples of a shard that are read at once; open_shards x chunk samples are shuffled."""
    threads: int = 1
    """Threads that decode a batch."""
    once: bool = False
    """Every sample once, in the order in which it lies in the shards, and the last batch short: for evaluation."""

    def check(self) -> None:
        """Raise FeedError for the first value that cannot be."""
        check_kinds("feed", self)
        for name, value, allowed in (("mode", self.mode, MODES), ("sampler", self.sampler, SAMPLERS)):
            if value not in allowed:
                raise FeedError(f"the feed's {name} is {value!r}", expected=f"one of {', '.join(allowed)}")
        for name, number in (
            ("batch", self.batch),
            ("lanes", self.lanes),
            ("open_shards", self.open_shards),
            ("chunk", self.chunk),
            ("threads", self.threads),
        ):
            if number < 1:
                raise FeedError(f"the feed's {name} is {number}", expected="1 or more")
        if self.threads > MOST_THREADS:
            raise FeedError(f"the feed's threads are {self.threads:,}", expected=f"1 to {MOST_THREADS:,}")
        if self.batch % self.lanes:
            raise FeedError(
                f"a batch of {self.batch} cannot be cut into {self.lanes} equal lanes",
                expected="a batch that is a multiple of the lanes",
            )
        if self.once and (self.mode, self.sampler) != ("index", "uniform"):
            raise FeedError(
                f"once is asked for with mode {self.mode!r} and sampler {self.sampler!r}",
                expected="mode 'index' and sampler 'uniform': what is read once is read in the order of the shards",
            )
        if self.cap and self.sampler != "cap":
            raise FeedError(f"cap is {self.cap}, but the sampler is {self.sampler!r}", remedy="set sampler='cap'")
