"""What a model has to offer, and the one that a setting names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch

from manifests.nearness import closest
from pipeline.model.errors import UsageError
from pipeline.train.networks.open_clip_model import OpenClip
from pipeline.train.networks.tiny import Tiny

NAMES = ("tiny", "open_clip:NAME", "open_clip:NAME@FILE")


class Model(Protocol):
    """Two towers into one space of `width` dimensions; a `torch.nn.Module` beside."""

    size: int
    """Side of the images that it takes, in pixels."""
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    """By which pixels of 0 to 1 are normalised, for each channel."""
    width: int
    logit_scale: Any

    def encode_image(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return features (n, width) of normalised images (n, 3, side, side)."""

    def visual_projection(self) -> dict[str, Any]:
        """Return the weights that map the image tower's features into the space of texts, by name."""

    def encode_projected(self, pixels: torch.Tensor, projection: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return what `encode_image` does, with another visual projection."""

    def encode_text(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return features (n, width) of tokens."""

    def tokens(self, texts: Sequence[str]) -> torch.Tensor:
        """Return the tokens of texts, one row each."""

    def save_memory(self) -> None:
        """Compute activations again in the backward pass."""


def build(name: str, seed: int = 0) -> Any:
    """Return the model that a setting names, its weights drawn by the seed; the process' own random state stays.

    Raises UsageError for another name.

    >>> sum(parameter.numel() for parameter in build("tiny").parameters()) > 100_000
    True
    """
    kind, _, rest = name.partition(":")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if name == "tiny":
            return Tiny()
        if kind == "open_clip" and rest:
            model, _, weights = rest.partition("@")
            return OpenClip(model, weights)
    near = closest(name, ["tiny", "open_clip"])
    raise UsageError(
        f"there is no model {name!r}", expected=f"one of {', '.join(NAMES)}", remedy=f"write {near!r}" if near else ""
    )
