"""The built-in model: two small towers that two cores train in a minute, for proofs and first steps.

Images: a stem and residual blocks of convolutions with group normalisation, which, unlike batch normalisation, sees no
other sample, so that processes and parts of a batch change nothing. Texts: rows of hashed words with their places, one
layer of attention, their mean.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from pipeline.train.words import LENGTH, VOCABULARY, word_ids

_WIDTHS = (24, 48, 96)
_GROUPS = 8


class _Block(nn.Module):
    """A residual block at one width."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norms = nn.ModuleList(nn.GroupNorm(_GROUPS, width) for _ in range(2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the block's output, of the input's shape."""
        inner = self.second(nn.functional.gelu(self.norms[0](self.first(x))))
        return nn.functional.gelu(x + self.norms[1](inner))


class Tiny(nn.Module):
    """A CLIP of some 0.4 million weights beside its table of words, at 48 pixels."""

    size = 48
    mean = (0.5, 0.5, 0.5)
    deviation = (0.25, 0.25, 0.25)
    width = 128

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for number, width in enumerate(_WIDTHS):
            kernel = 5 if number == 0 else 3
            layers += [nn.Conv2d(before, width, kernel, 2, kernel // 2, bias=False), nn.GroupNorm(_GROUPS, width)]
            layers += [nn.GELU(), *([_Block(width)] if number else [])]
            before = width
        self.image = nn.Sequential(*layers)
        self.image_out = nn.Sequential(nn.LayerNorm(before), nn.Linear(before, self.width, bias=False))
        self.words = nn.Embedding(VOCABULARY, self.width, padding_idx=0)
        self.places = nn.Parameter(torch.zeros(LENGTH, self.width))
        self.attention = nn.TransformerEncoderLayer(
            self.width, 4, 2 * self.width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.text_out = nn.Sequential(nn.LayerNorm(self.width), nn.Linear(self.width, self.width, bias=False))
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))
        nn.init.normal_(self.words.weight, std=0.02)
        with torch.no_grad():
            self.words.weight[0].zero_()
        self.saves_memory = False

    def encode_image(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return features (n, width) of normalised images (n, 3, side, side)."""
        return self.image_out(self._pooled(pixels))

    def visual_projection(self) -> dict[str, nn.Parameter]:
        """Return the weights of the last layer of the image tower, by name."""
        return {"weight": self.image_out[1].weight}

    def encode_projected(self, pixels: torch.Tensor, projection: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return what `encode_image` does, with another visual projection."""
        return nn.functional.linear(self.image_out[0](self._pooled(pixels)), projection["weight"])

    def _pooled(self, pixels: torch.Tensor) -> torch.Tensor:
        x = pixels
        for layer in self.image:
            again = self.saves_memory and isinstance(layer, _Block) and x.requires_grad
            x = checkpoint(layer, x, use_reentrant=False) if again else layer(x)
        return x.mean((2, 3))

    def encode_text(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return features (n, width) of tokens (n, LENGTH); 0 is no word."""
        absent = tokens == 0
        some = absent.logical_not()
        # A text without any word attends to its empty places: attention to nothing would be no number.
        x = self.attention(self.words(tokens) + self.places, src_key_padding_mask=absent & some.any(1, keepdim=True))
        there = some[:, :, None].to(x.dtype)
        return self.text_out((x * there).sum(1) / there.sum(1).clamp(min=1))

    def tokens(self, texts: Sequence[str]) -> torch.Tensor:
        """Return the tokens of texts."""
        return torch.from_numpy(word_ids(texts))

    def save_memory(self) -> None:
        """Compute activations again in the backward pass."""
        self.saves_memory = True
