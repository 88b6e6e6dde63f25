"""Replay of the shards of a run: the feed's order, with the caption that the shards hold as `txt`."""

from __future__ import annotations

from pipeline.feed import Feed
from pipeline.train.replay.pair_batch import PairBatch


class RunPairs:
    """The pairs of a feed: its images, and the caption `taxon_com` of each."""

    def __init__(self, feed: Feed, where: str) -> None:
        self._feed, self.where = feed, where
        self.digest = feed.digest
        self.told = f"{len(feed):,} samples of {len(feed.manifest.taxa):,} taxa"

    def __len__(self) -> int:
        return len(self._feed)

    def batch(self, step: int, rank: int = 0, world: int = 1) -> PairBatch:
        """Return a rank's part of a step; raise FeedError for a sample that cannot be read or decoded."""
        read = self._feed.batch(step, rank, world)
        texts = tuple(self._feed.manifest.captions(int(name)).taxon_com for name in read.names)
        return PairBatch(read.images, texts, read.keys)
