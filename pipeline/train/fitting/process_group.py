"""Which process this is of how many: as `torchrun` says, or one alone."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist

from pipeline.train.fitting.devices import checked_device


@dataclass(frozen=True, slots=True)
class Group:
    """This process and its device."""

    rank: int
    world: int
    device: torch.device

    @property
    def first(self) -> bool:
        """True for the process that writes and speaks."""
        return self.rank == 0

    def mean(self, value: torch.Tensor) -> torch.Tensor:
        """Return the mean of a value over all processes."""
        if self.world > 1:
            dist.all_reduce(value)
            value /= self.world
        return value

    def average(self, gradients: Iterable[torch.Tensor]) -> None:
        """Replace gradients by their means over all processes, in one exchange."""
        if self.world == 1:
            return
        parts = list(gradients)
        flat = self.mean(torch.cat([part.reshape(-1) for part in parts]))
        for part, told in zip(parts, flat.split([part.numel() for part in parts]), strict=True):
            part.copy_(told.view_as(part))

    def wait(self) -> None:
        """Return when all processes have come here."""
        if self.world > 1:
            dist.barrier()


@contextmanager
def process_group(device: str = "") -> Iterator[Group]:
    """Yield the group that the variables of `torchrun` describe (RANK, WORLD_SIZE, LOCAL_RANK), and leave it again.

    `device`: '' for a GPU of this process' own where there is one. Raises UsageError for a device that is not there.
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    chosen = checked_device(_device(device))
    if chosen.type == "cuda":
        torch.cuda.set_device(chosen)
    if world == 1:
        yield Group(0, 1, chosen)
        return
    dist.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    try:
        yield Group(dist.get_rank(), world, chosen)
    finally:
        dist.destroy_process_group()


def _device(named: str) -> str:
    local = os.environ.get("LOCAL_RANK", "0")
    if named in ("", "cuda") and torch.cuda.is_available():
        return f"cuda:{local}"
    return named or "cpu"
