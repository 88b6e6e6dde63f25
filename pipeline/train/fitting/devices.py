"""The device that a model is put on: one that PyTorch has and can use here."""

from __future__ import annotations

import torch

from pipeline.model.errors import UsageError


def checked_device(named: str) -> torch.device:
    """Return the device of a name; raise UsageError for one that is not there."""
    try:
        chosen = torch.device(named)
        if chosen.type == "cuda":
            there = torch.cuda.is_available() and (chosen.index or 0) < torch.cuda.device_count()
        else:
            torch.zeros(1, device=chosen).cpu()  # `meta` and others that are known, and hold no numbers here
            there = True
    except (RuntimeError, NotImplementedError, AssertionError):
        there = False
    if not there:
        raise UsageError(f"there is no device {named!r} here", expected="a GPU that PyTorch can use", remedy="cpu")
    return chosen
