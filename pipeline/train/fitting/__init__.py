"""The training loop, in PyTorch: batches of a feed, steps, checkpoints, one process or many."""

from __future__ import annotations

from pipeline.train.fitting.batches import Batches
from pipeline.train.fitting.checkpoints import Checkpoint, checkpoints, newest, read_checkpoint, save
from pipeline.train.fitting.fit import Trained, fit
from pipeline.train.fitting.loading import Loaded, load_model
from pipeline.train.fitting.process_group import Group, process_group

__all__ = [
    "Batches",
    "Checkpoint",
    "Group",
    "Loaded",
    "Trained",
    "checkpoints",
    "fit",
    "load_model",
    "newest",
    "process_group",
    "read_checkpoint",
    "save",
]
