"""Replay: pairs of image and text of other data, read beside the main batch so that a model keeps what it knew.

Nothing here imports PyTorch. `open_pairs` reads the shards of a run through the feed, and tars of anybody else.
"""

from __future__ import annotations

from pipeline.train.replay.open_pairs import open_pairs
from pipeline.train.replay.pair_batch import PairBatch, Pairs
from pipeline.train.replay.run_pairs import RunPairs
from pipeline.train.replay.tar_index import TarIndex, open_index
from pipeline.train.replay.tar_pairs import TarPairs

__all__ = ["PairBatch", "Pairs", "RunPairs", "TarIndex", "TarPairs", "open_index", "open_pairs"]
