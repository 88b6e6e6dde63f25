"""A feed as PyTorch's DataLoader reads it; the one module of the feed that imports torch.

The loader's sampler is a range of steps and every item is a whole batch, so workers change who decodes and never what
comes, in which order. A worker decodes into memory that it shares with the training process: pixels are neither pickled
nor copied on their way, and a batch costs two messages whatever its size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.utils.data import DataLoader, get_worker_info

from pipeline.feed.feed import Feed


class Steps:
    """A map-style dataset whose items are the steps of one rank.

    Steps are 0 to `stop` - 1, its length; without `stop` those of an epoch. An item is a mapping: `image`, uint8 of
    shape (samples, 3, size, size) in channels-last order in memory; `taxon` and `name`, int64 numbers into the
    manifest's `taxa` and `names`; `key`, a tuple of texts; `step`. Raises IndexError for any other step.
    """

    def __init__(self, feed: Feed, rank: int = 0, world: int = 1, stop: int | None = None) -> None:
        self._feed, self._rank, self._world = feed, rank, world
        self._stop = max(1, feed.sequence.epoch_steps) if stop is None else stop

    def __len__(self) -> int:
        return self._stop

    def __getitem__(self, step: int) -> dict[str, Any]:
        if not 0 <= step < self._stop:
            raise IndexError(f"step {step} is not one of the {self._stop} steps of this dataset")
        images = None
        if get_worker_info() is not None:
            images = _pixels(self._feed.sequence.places(step, self._rank, self._world).size, self._feed.view.size)
        batch = self._feed.batch(step, self._rank, self._world, None if images is None else images.numpy())
        return {
            "image": (torch.from_numpy(batch.images) if images is None else images).permute(0, 3, 1, 2),
            "taxon": torch.from_numpy(batch.taxa),
            "name": torch.from_numpy(batch.names),
            "key": batch.keys,
            "step": batch.step,
        }


def loader(
    feed: Feed,
    start: int,
    stop: int,
    workers: int = 0,
    rank: int = 0,
    world: int = 1,
    beside: Callable[[int], Any] | None = None,
    **options: Any,
) -> DataLoader[Mapping[str, Any]]:
    """Return a DataLoader over steps `start` to `stop` - 1 of a rank; `options` are passed to it, such as `pin_memory`.

    `beside`: what the same worker makes of a step beside its batch, the item's `beside`.

    `len(loader)` is the steps that come, `len(loader.dataset)` is `stop`. For one process group:
    `rank=torch.distributed.get_rank(), world=torch.distributed.get_world_size()`.
    """
    steps: Any = Steps(feed, rank, world, stop)
    if beside is not None:
        steps = _Beside(steps, beside)
    return DataLoader(
        steps, batch_size=None, sampler=range(start, stop), num_workers=workers, collate_fn=_as_it_is, **options
    )


class _Beside:
    """Steps whose items have something beside."""

    def __init__(self, steps: Steps, beside: Callable[[int], Any]) -> None:
        self._steps, self._beside = steps, beside

    def __len__(self) -> int:
        return len(self._steps)

    def __getitem__(self, step: int) -> dict[str, Any]:
        return {**self._steps[step], "beside": self._beside(step)}


def _pixels(samples: int, side: int) -> torch.Tensor:
    """Return a tensor to fill in memory that the training process shares, as DataLoader's own collating does.

    Any other tensor would be copied there when it is handed over.
    """
    size = samples * side * side * 3
    storage = torch.UntypedStorage._new_shared(size)
    return torch.empty(0, dtype=torch.uint8).set_(storage, 0, (samples, side, side, 3))


def _as_it_is(item: Mapping[str, Any]) -> Mapping[str, Any]:
    return item
