"""The losses of a step, each of which leaves its gradient with the parameters.

Parts of a batch (`accumulation`) change nothing but memory: the loss needs all features at once, so they are made
without a graph first, and their gradients are then taken back part by part.

Source: Gao et al. 2021, "Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup".
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch.nn.functional import normalize

from pipeline.train.fitting.batches import Item, ReplayItem, normalised
from pipeline.train.networks import ReplayProjection, contrastive_loss
from pipeline.train.settings import Settings

Encode = Callable[[torch.Tensor], torch.Tensor]


class Gradients:
    """What a batch asks of the weights of a model, its head and its replay projection."""

    def __init__(self, model: Any, head: Any, projection: ReplayProjection | None, settings: Settings) -> None:
        self._model, self._head, self._settings = model, head, settings
        self._images: Encode = model.encode_image
        self._texts: Encode = model.encode_text
        self._replayed: Encode | None = None
        if projection is not None:
            self._replayed = lambda pixels: projection.encode(model, pixels)
        if settings.compile:
            self._images, self._texts = torch.compile(self._images), torch.compile(self._texts)
            self._replayed = None if self._replayed is None else torch.compile(self._replayed)

    def contrast(self, item: Item) -> torch.Tensor:
        """Return the loss of the batch's images and texts, its gradient left with the parameters."""
        taxa = item.taxa if self._settings.mix == "sample" else None
        return self._contrast(self._images, item, taxa)

    def replay(self, item: ReplayItem) -> torch.Tensor:
        """Return the loss of the replay's pairs by their own projection; its gradient is added to what is there.

        The loss of a step is the sum of both, as in the trainer of BioCLIP 2: each is a mean over its own pairs.
        """
        if self._replayed is None:
            raise ValueError("there is no replay projection")
        return self._contrast(self._replayed, item, None)

    def classify(self, item: Item) -> torch.Tensor:
        """Return the loss of the batch's classes, its gradient left with the parameters."""
        mine = item.taxa[item.first : item.first + item.pixels.shape[0]]
        total = torch.zeros((), device=mine.device)
        for part in self._parts(item):
            with self._precision(item):
                features = self._images(normalised(item.pixels[part], self._model))
            share = mine[part].shape[0] / mine.shape[0]
            loss = self._head.loss(features.float(), mine[part]) * share
            loss.backward()
            total += loss.detach()
        return total

    def _contrast(self, images: Encode, item: Item | ReplayItem, taxa: torch.Tensor | None) -> torch.Tensor:
        scale = self._model.logit_scale
        if self._settings.accumulation == 1:
            found = self._features(images, item, slice(None))
            loss = contrastive_loss(*found, scale.exp(), item.first, taxa)
            loss.backward()
            return loss
        parts = self._parts(item)
        with torch.no_grad():
            made = [self._features(images, item, part) for part in parts]
        whole = [torch.cat([each[side] for each in made]).requires_grad_() for side in (0, 1)]
        loss = contrastive_loss(whole[0], whole[1], scale.exp(), item.first, taxa)
        loss.backward()
        for part in parts:
            features = self._features(images, item, part)
            torch.autograd.backward(list(features), [each.grad[part] for each in whole])
        return loss

    def _parts(self, item: Item | ReplayItem) -> list[slice]:
        size = item.pixels.shape[0] // self._settings.accumulation
        return [slice(at * size, (at + 1) * size) for at in range(self._settings.accumulation)]

    def _features(self, images: Encode, item: Item | ReplayItem, part: slice) -> tuple[torch.Tensor, torch.Tensor]:
        """Return unit features of the images and texts of a part, in full precision."""
        with self._precision(item):
            seen = images(normalised(item.pixels[part], self._model))
            strings, place = torch.unique(item.string[part], return_inverse=True)
            read = self._texts(item.tokens[strings])[place]
        return normalize(seen.float(), dim=1), normalize(read.float(), dim=1)

    def _precision(self, item: Item | ReplayItem) -> AbstractContextManager[Any]:
        if self._settings.precision == "bf16":
            return torch.autocast(item.pixels.device.type, torch.bfloat16)
        return nullcontext()
