"""The words that rules and views may use."""

from __future__ import annotations

MODES = ("index", "stream")
SAMPLERS = ("uniform", "cap", "sqrt", "balanced")
CROPS = ("random", "center", "squash")
DECODERS = ("pillow", "simplejpeg")
