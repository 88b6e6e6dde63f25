"""Models that make vectors, each with its own preprocessing, in PyTorch: trained here, open_clip's, timm's, transformers'."""

from __future__ import annotations

from pipeline.embed.encoders.encoder import Encoder, prepared_batches
from pipeline.embed.encoders.opened import KINDS, Source, open_source

__all__ = ["KINDS", "Encoder", "Source", "open_source", "prepared_batches"]
