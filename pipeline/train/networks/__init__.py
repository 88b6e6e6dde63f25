"""Models and losses, in PyTorch: the built-in one, open_clip's, contrast, classes."""

from __future__ import annotations

from pipeline.train.networks.classes import HierarchicalHead, LinearHead, Tree, make_head, tree_of
from pipeline.train.networks.contrastive import contrastive_loss, floor
from pipeline.train.networks.gather import gathered
from pipeline.train.networks.model import Model, build
from pipeline.train.networks.open_clip_model import OpenClip
from pipeline.train.networks.replay_projection import ReplayProjection
from pipeline.train.networks.tiny import Tiny

__all__ = [
    "HierarchicalHead",
    "LinearHead",
    "Model",
    "OpenClip",
    "ReplayProjection",
    "Tiny",
    "Tree",
    "build",
    "contrastive_loss",
    "floor",
    "gathered",
    "make_head",
    "tree_of",
]
