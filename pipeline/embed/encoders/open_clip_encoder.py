"""Models of open_clip, with open_clip's own transform for inference."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence

import torch
from PIL import Image

from pipeline.train.networks import OpenClip


class OpenClipEncoder:
    """A CLIP of open_clip, with random weights or those of a file, and what it does with a picture.

    Raises MissingExtraError and UsageError as `pipeline.train.networks.OpenClip` does.
    """

    has_texts = True

    def __init__(self, name: str, weights: str, device: str) -> None:
        self.module = OpenClip(name, weights).to(device).eval()
        # Imported behind the model, which says in one sentence where the library is not installed.
        from open_clip.transform import PreprocessCfg, image_transform_v2

        visual = self.module.clip.visual
        given = dict(getattr(visual, "preprocess_cfg", None) or {"size": visual.image_size})
        given.setdefault("mean", self.module.mean)
        given.setdefault("std", self.module.deviation)
        config = PreprocessCfg(**given)
        self._transform = image_transform_v2(config, is_train=False)
        self.width = self.module.width
        self.preprocessing = json.dumps({"by": "open_clip", **dataclasses.asdict(config)})

    def prepare(self, image: Image.Image) -> torch.Tensor:
        """Return a picture as open_clip shows it to the model."""
        return self._transform(image)

    def encode_images(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return features (n, width) of prepared pictures."""
        return self.module.encode_image(pixels)

    def encode_texts(self, texts: Sequence[str]) -> torch.Tensor:
        """Return features (n, width) of texts, by the model's own tokeniser."""
        device = next(self.module.parameters()).device
        return self.module.encode_text(self.module.tokens(texts).to(device))
