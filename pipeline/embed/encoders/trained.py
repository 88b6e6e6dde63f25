"""Models of `biomill train`: they see pictures as they saw them in training, through the feed's view."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import torch

from pipeline.feed import View


class Trained:
    """The built-in model, or what `biomill train` made of any."""

    def __init__(self, module: Any, has_texts: bool = True) -> None:
        """`has_texts`: not of a classifier, which has learnt no names."""
        self.module, self.has_texts = module, has_texts
        self.width = int(module.width)
        self.view = View(module.size, "center")
        shown = {"size": module.size, "crop": self.view.crop, "resampling": self.view.resampling}
        normal = {"mean": list(module.mean), "deviation": list(module.deviation)}
        self.preprocessing = json.dumps({"by": "feed", **shown, **normal})

    def encode_images(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return features (n, width) of normalised pixels."""
        return self.module.encode_image(pixels)

    def encode_texts(self, texts: Sequence[str]) -> torch.Tensor:
        """Return features (n, width) of texts."""
        device = next(self.module.parameters()).device
        return self.module.encode_text(self.module.tokens(texts).long().to(device))
