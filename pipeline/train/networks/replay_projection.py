"""The second visual projection, of replay: one trunk and one text tower, and a map of its own for general pictures.

Captions of pictures and names of taxa pull image features apart; with a projection each, what the trunk knows of
general pictures is kept without the space of taxa having to hold their captions as well. It begins as a copy of the
model's own.

Source: Gu et al. 2025, "BioCLIP 2", whose trainer calls it `continual_proj`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


class ReplayProjection(nn.Module):
    """A copy of a model's visual projection that learns by itself.

    The model's own weights and their names stay as they are: this module holds its copy alone, and no model.

    >>> from pipeline.train.networks import build
    >>> model = build("tiny")
    >>> pixels = torch.zeros(1, 3, 48, 48)
    >>> bool(torch.equal(ReplayProjection(model).encode(model, pixels), model.encode_image(pixels)))
    True
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        copies = {name: nn.Parameter(weight.detach().clone()) for name, weight in model.visual_projection().items()}
        # A module's parameters cannot have dots in their names.
        self._names = {name: name.replace(".", "__") for name in copies}
        for name, weight in copies.items():
            self.register_parameter(self._names[name], weight)

    def encode(self, model: Any, pixels: torch.Tensor) -> torch.Tensor:
        """Return the features of normalised images by the model's trunk and this projection."""
        weights = {name: getattr(self, own) for name, own in self._names.items()}
        return model.encode_projected(pixels, weights)
