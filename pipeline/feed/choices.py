"""The words that rules and views may use."""

from __future__ import annotations

MODES = ("index", "stream")
SAMPLERS = ("uniform", "cap", "sqrt", "balanced")
CROPS = ("random", "center", "squash")
DECODERS = ("pillow", "simplejpeg")
TEXT_TYPES = ("sci", "com", "taxon", "sci_com", "taxon_com")
"""The five captions, by BioCLIP's names."""
MIXES = ("batch", "sample")
"""One text type for each batch (BioCLIP 2), or one for each sample."""
MOST_THREADS = 1024
"""That decode a batch: more than any machine has CPUs for, and few enough to be started."""
