"""Features of all processes, through which gradients flow back to the process that made them."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(_context: Any, mine: torch.Tensor) -> torch.Tensor:
        parts = [torch.empty_like(mine) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, mine.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(_context: Any, gradient: torch.Tensor) -> torch.Tensor:
        # What every process' loss owes to these features, summed; each takes the rows that are its own.
        total = gradient.contiguous()
        dist.all_reduce(total)
        return total.chunk(dist.get_world_size())[dist.get_rank()]


def gathered(mine: torch.Tensor) -> torch.Tensor:
    """Return the rows of all processes, in the order of ranks; those of this process alone where there is no group.

    Every process must give as many rows.
    """
    if not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1:
        return mine
    return _Gather.apply(mine)
