"""Training: what is asked of it, its texts and its journal; models and the loop, which need PyTorch, in rooms below.

`pipeline.train.networks` holds models and losses, `pipeline.train.fitting` the loop, checkpoints and process groups.
Nothing here imports PyTorch, so that commands can say what they would do, and what they need, without it.
"""

from __future__ import annotations

from pipeline.feed.choices import MIXES as MODES
from pipeline.feed.choices import TEXT_TYPES
from pipeline.feed.texts import Texts
from pipeline.train.journal import Journal
from pipeline.train.settings import OBJECTIVES, PRECISIONS, Settings
from pipeline.train.words import LENGTH, VOCABULARY, word_ids

__all__ = [
    "LENGTH",
    "MODES",
    "OBJECTIVES",
    "PRECISIONS",
    "TEXT_TYPES",
    "VOCABULARY",
    "Journal",
    "Settings",
    "Texts",
    "word_ids",
]
