"""A drawn biota for training: a generated tree of life of any size, its variants, and splits of what is unseen."""

from __future__ import annotations

from pipeline.demo.tree.biota import Biota, build_biota
from pipeline.demo.tree.parameters import Parameters

__all__ = ["Biota", "Parameters", "build_biota"]
