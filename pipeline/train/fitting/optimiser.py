"""AdamW as CLIP is trained with it, and the learning rate as a function of the step."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch

from pipeline.train.settings import Settings


def learning_rate(settings: Settings, step: int) -> float:
    """Return the rate of a step: a straight rise over the warm-up, then half a cosine down to 0 at the last.

    >>> rules = Settings(steps=110, warmup=10, rate=1.0)
    >>> [round(learning_rate(rules, step), 3) for step in (0, 9, 10, 60, 109)]
    [0.1, 1.0, 1.0, 0.5, 0.0]
    """
    if step < settings.warmup:
        return settings.rate * (step + 1) / settings.warmup
    done = (step - settings.warmup) / (settings.steps - settings.warmup)
    return settings.rate * 0.5 * (1 + math.cos(math.pi * done))


def make_optimiser(parameters: Iterable[tuple[str, Any]], settings: Settings) -> torch.optim.AdamW:
    """Return AdamW over named parameters; what has fewer than two dimensions does not decay."""
    decaying: list[Any] = []
    steady: list[Any] = []
    for _, parameter in parameters:
        if parameter.requires_grad:
            (decaying if parameter.ndim >= 2 else steady).append(parameter)
    groups = [{"params": steady, "weight_decay": 0.0}, {"params": decaying, "weight_decay": settings.decay}]
    betas = (settings.beta1, settings.beta2)
    return torch.optim.AdamW(groups, lr=settings.rate, betas=betas, eps=settings.epsilon)
