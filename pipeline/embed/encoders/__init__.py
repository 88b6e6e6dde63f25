"""Models that make vectors, in PyTorch, each with its own preprocessing: ours, open_clip's, timm's, transformers'."""

from __future__ import annotations

from pipeline.embed.encoders.encoder import Encoder, prepared_batches
from pipeline.embed.encoders.opened import KINDS, Source, open_source

__all__ = ["KINDS", "Encoder", "Source", "open_source", "prepared_batches"]
