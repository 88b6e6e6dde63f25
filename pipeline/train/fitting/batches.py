"""A feed's batches on the device: pixels normalised there, texts as tokens, each string once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from pipeline.feed import Feed
from pipeline.feed.texts import Texts
from pipeline.feed.tokens import TokenTable
from pipeline.feed.torch import loader
from pipeline.model.errors import PipelineError
from pipeline.train.fitting.process_group import Group
from pipeline.train.replay import Pairs
from pipeline.train.settings import Settings


@dataclass(frozen=True, slots=True)
class Item:
    """This process' part of a step."""

    step: int
    keys: tuple[str, ...]
    pixels: torch.Tensor
    """uint8, (samples, 3, side, side), on the device."""
    taxa: torch.Tensor
    """Numbers of the taxa of the whole batch, of all processes, on the device."""
    first: int
    """Place of this process' first sample in the whole batch."""
    tokens: torch.Tensor
    """Tokens of the different strings of this part, on the device."""
    string: torch.Tensor
    """Row of each sample in `tokens`."""
    alike: npt.NDArray[np.int64]
    """Equal numbers for samples of the whole batch that the loss cannot tell apart."""
    text: str
    """The batch's text type; '' where samples have their own."""
    replay: ReplayItem | None = None


@dataclass(frozen=True, slots=True)
class ReplayItem:
    """This process' part of the pairs that stand beside a batch."""

    keys: tuple[str, ...]
    pixels: torch.Tensor
    """As those of an item."""
    first: int
    """Place of this process' first pair in the whole replay of the step."""
    tokens: torch.Tensor
    string: torch.Tensor
    """Tokens of the texts, and the row of each pair in them, on the device."""


class Batches:
    """What the loop reads: the items of a process, from any step on."""

    def __init__(
        self, feed: Feed, texts: Texts, model: Any, settings: Settings, group: Group, pairs: Pairs | None = None
    ) -> None:
        self._feed, self._texts, self._model, self._pairs = feed, texts, model, pairs
        self._settings, self._group = settings, group
        # All processes of a machine map one table of tokens: of a million lineages they are gigabytes.
        made_by = "" if settings.model == "tiny" else version("open_clip_torch")
        self._table = TokenTable(texts, model.tokens, name=f"{settings.architecture} {made_by}")

    def items(self, start: int, stop: int) -> Iterator[Item]:
        """Yield the items of steps `start` to `stop` - 1."""
        group, settings = self._group, self._settings
        pinned = group.device.type == "cuda"
        beside = None if self._pairs is None else _Beside(self._pairs, group.rank, group.world)
        read = loader(
            self._feed, start, stop, settings.workers, group.rank, group.world, beside=beside, pin_memory=pinned
        )
        for item in read:
            yield self._item(item)

    def _item(self, item: Mapping[str, Any]) -> Item:
        step, device = int(item["step"]), self._group.device
        # All that is known without a pixel is worked out for the whole batch by every process, and never exchanged.
        sequence = self._feed.sequence
        rows = sequence.rows(step)
        names = self._feed.manifest.name[rows].astype(np.int64)
        taxa = self._feed.manifest.taxon[rows].astype(np.int64)
        by_sample = self._settings.mix == "sample"
        kinds = self._texts.of_batch(self._settings.mix, step, sequence.positions(step, np.arange(rows.size)))
        mine = sequence.places(step, self._group.rank, self._group.world)
        pairs = np.stack([kinds, names], 1)
        different, place = np.unique(pairs[mine], axis=0, return_inverse=True)
        tokens = torch.from_numpy(self._table.rows(different[:, 0], different[:, 1])).long()
        return Item(
            step=step,
            keys=item["key"],
            pixels=item["image"].to(device, non_blocking=True),
            taxa=torch.from_numpy(taxa).to(device),
            first=int(mine[0]),
            tokens=tokens.to(device, non_blocking=True),
            string=torch.from_numpy(place.reshape(-1)).to(device),
            alike=taxa if by_sample else self._table.strings(kinds, names),
            text="" if by_sample else self._texts.kinds[int(kinds[0])],
            replay=None if self._pairs is None else self._replay(item["beside"]),
        )

    def _replay(self, read: Mapping[str, Any]) -> ReplayItem:
        if "error" in read:
            raise read["error"]
        device, samples = self._group.device, len(read["texts"])
        return ReplayItem(
            keys=read["keys"],
            pixels=read["pixels"].to(device, non_blocking=True),
            first=self._group.rank * samples,
            tokens=self._model.tokens(read["texts"]).long().to(device, non_blocking=True),
            string=torch.arange(samples, device=device),
        )


class _Beside:
    """Reads the pairs of a step in the worker that reads its batch."""

    def __init__(self, pairs: Pairs, rank: int, world: int) -> None:
        self._pairs, self._rank, self._world = pairs, rank, world

    def __call__(self, step: int) -> dict[str, Any]:
        try:
            found = self._pairs.batch(step, self._rank, self._world)
        except PipelineError as error:
            # Raised in the training process: of what a worker raises, DataLoader makes a text with a traceback.
            return {"error": error}
        # As a tensor it is handed over in memory that both processes share.
        pixels = torch.from_numpy(found.images).permute(0, 3, 1, 2)
        return {"pixels": pixels, "texts": list(found.texts), "keys": found.keys}


def normalised(pixels: torch.Tensor, model: Any) -> torch.Tensor:
    """Return uint8 pixels as the numbers that a model takes, in its memory format."""
    shape = (1, 3, 1, 1)
    mean = torch.tensor(model.mean, device=pixels.device).view(shape)
    deviation = torch.tensor(model.deviation, device=pixels.device).view(shape)
    numbers = (pixels.to(torch.float32) / 255 - mean) / deviation
    return numbers.contiguous(memory_format=torch.channels_last)
