"""The reader of finished shards, for any training loop: exact resume, taxon-aware sampling, subsets by SQL.

Needs numpy, pyarrow, Pillow, DuckDB and fsspec; neither Beam nor PyTorch (`pipeline.feed.torch` is for those who have
it).
"""

from __future__ import annotations

from pipeline.feed.choices import CROPS, DECODERS, MODES, SAMPLERS
from pipeline.feed.decoding import View, show
from pipeline.feed.feed import Batch, Feed
from pipeline.feed.manifest import Manifest
from pipeline.feed.manifest_cache import read_manifest
from pipeline.feed.rules import Rules
from pipeline.feed.store import ShardStore, Span, open_store
from pipeline.feed.taxon_labels import Labels
from pipeline.feed.tokens import Tokens

__all__ = [
    "CROPS",
    "DECODERS",
    "MODES",
    "SAMPLERS",
    "Batch",
    "Feed",
    "Labels",
    "Manifest",
    "Rules",
    "ShardStore",
    "Span",
    "Tokens",
    "View",
    "open_store",
    "read_manifest",
    "show",
]
