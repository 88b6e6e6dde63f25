"""A feed as PyTorch's DataLoader reads it; the one module of the feed that imports torch.

The loader's sampler is a range of steps and every item is a whole batch, so workers change who decodes and never what
comes, in which order. A worker decodes into memory that it shares with the training process: pixels are neither pickled
nor copied on their way, and a batch costs two messages whatever its size. Where a loader stands is the step of the next
batch, whatever workers have read ahead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch.utils.data import DataLoader, get_worker_info

from pipeline.feed.feed import Feed
from pipeline.feed.loader_arguments import check_arguments, check_options
from pipeline.feed.memory import check_memory
from pipeline.feed.taxon_labels import Labels
from pipeline.feed.texts import Texts
from pipeline.feed.tokens import Tokens, TokenTable
from pipeline.model.errors import FeedError

Item = dict[str, Any]


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

    def __getitem__(self, step: int) -> Item:
        if not 0 <= step < self._stop:
            raise IndexError(f"step {step} is not one of the {self._stop} steps of this dataset")
        return self._item(step)

    def _item(self, step: int) -> Item:
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


class _AllSteps(Steps):
    """The steps of all epochs; its length is that of the first."""

    def __getitem__(self, step: int) -> Item:
        return self._item(step)


class Loader(DataLoader[Mapping[str, Any]]):  # type: ignore[misc]  # torch is not followed by mypy
    """A DataLoader over a feed, epoch by epoch, or over a range of steps; `loader` makes it.

    * `len` is the number of batches of the whole epoch, or range, wherever the loader stands.
    * An iteration gives the rest of what the loader stands in, and the next one begins the next epoch, or the range
      from its start. One that is broken off is over; `state_dict` still says where it stopped.
    * `set_epoch` names the epoch of the next iteration.
    * `state_dict` says which batch comes next. It is the same for all ranks, and fits any number of ranks and workers.

    The digest of what is read (data, rules, view) is `feed.digest`.
    """

    def __init__(
        self,
        feed: Feed,
        start: int,
        stop: int | None,
        workers: int,
        rank: int,
        world: int,
        label: str | Labels,
        tokens: Tokens | None,
        beside: Callable[[int], Any] | None,
        options: Mapping[str, Any],
    ) -> None:
        check_options(options)
        check_arguments(feed, start, stop, workers, rank, world, label, tokens, beside)
        if start < 0 or (stop is None and feed.rules.once and start > feed.sequence.epoch_steps):
            raise FeedError(f"there is no step {start}", expected=f"0 to {feed.sequence.epoch_steps}")
        # Both say before a worker does what memory cannot hold, and which ranks cannot be.
        check_memory(feed.most(world), feed.view.size)
        feed.sequence.places(0, rank, world)
        self.feed = feed
        self._rank, self._world, self._start, self._stop = rank, world, start, stop
        if stop is None and feed.sequence.epoch_size < feed.rules.batch and not feed.rules.once:
            raise FeedError(
                f"an epoch has {feed.sequence.epoch_size:,} samples, a batch {feed.rules.batch:,}",
                expected="at least one batch in an epoch",
                remedy="lower the batch, or read steps without epochs: loader(feed, start, stop)",
            )
        self._epoch, self._next = feed.sequence.epoch_of(start), start
        self._begun, self._loaded = False, start > 0
        self._turn = 0
        self._steps = range(0)
        self.labels: Labels | None = None
        if label:
            self.labels = label if isinstance(label, Labels) else Labels(feed.manifest, label)
        self.tokens = tokens
        self._texts: Texts | None = None
        if tokens is not None:
            tokens.check()
            self._texts = Texts(feed.manifest, tokens.text, feed.rules.seed, tokens.template)
            self._table = TokenTable(self._texts, tokens.tokenizer, tokens.length, tokens.pad, tokens.name)
        data: Any = _AllSteps(feed, rank, world) if stop is None else Steps(feed, rank, world, stop)
        if beside is not None:
            data = _Beside(data, beside)
        order = _EpochOrder(self) if stop is None else _Order(self)
        super().__init__(data, batch_size=None, sampler=order, num_workers=workers, collate_fn=_as_it_is, **options)

    def __len__(self) -> int:
        return len(self._whole())

    def __iter__(self) -> Iterator[Item]:
        """Return an iterator over the batches that come, from where the loader stands."""
        if self._begun:
            self._begin_next()
        whole = self._whole()
        self._steps = range(self._next, whole.stop)
        self._begun, self._loaded = True, False
        self._turn += 1
        return self._items(super().__iter__(), self._turn)

    def set_epoch(self, epoch: int) -> None:
        """Let the next iteration be that of an epoch; where a loaded state stands in that very one, its rest.

        Raises FeedError for a number below 0, and for a loader over a range of steps.
        """
        if self._stop is not None:
            raise FeedError(
                f"the loader reads steps {self._start} to {self._stop}, and no epochs",
                expected="a loader without stop: loader(feed)",
            )
        steps = self.feed.sequence.epoch(epoch)
        if not (self._loaded and epoch == self._epoch):
            self._epoch, self._next = epoch, steps.start
        self._begun, self._loaded = False, self._next != steps.start
        self._turn += 1  # an iteration that still goes on no longer says where the loader stands

    def state_dict(self) -> dict[str, Any]:
        """Return where the loader stands, and what it reads, in some 700 bytes that JSON can hold."""
        state = self.feed.state(self._next)
        if self._stop is None:
            state["epoch"] = self._epoch
        if self.tokens is not None:
            state["texts"] = self.tokens.facts()
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Stand where a state says, that of `state_dict` or `Feed.state`; the next iteration gives the rest from there.

        Raises FeedError for a state of other data, rules, view or texts, naming what is not the same, and for a step
        that the loader does not have.
        """
        step = self.feed.resume(state)
        if self.tokens is not None and state.get("texts", self.tokens.facts()) != self.tokens.facts():
            raise FeedError(
                "the state was made with other texts", f"{state['texts']}", f"{self.tokens.facts()}", "give the same"
            )
        epoch = state.get("epoch", self.feed.sequence.epoch_of(step))
        if not isinstance(epoch, int) or isinstance(epoch, bool) or epoch < 0:
            raise FeedError(f"the state's epoch is {epoch!r}", expected="a number from 0")
        whole = self.feed.sequence.epoch(epoch) if self._stop is None else range(self._start, self._stop)
        if not whole.start <= step <= whole.stop:
            raise FeedError(
                f"the state stands at step {step}",
                expected=f"{whole.start} to {whole.stop}, which it reads",
            )
        self._epoch, self._next = epoch, step
        self._begun, self._loaded = False, True
        self._turn += 1

    def _whole(self) -> range:
        """Return the steps of the epoch that the loader stands in, or of its range."""
        if self._stop is not None:
            return range(self._start, max(self._start, self._stop))
        return self.feed.sequence.epoch(self._epoch)

    def _begin_next(self) -> None:
        if self._stop is None:
            self._epoch += 1
        self._next = self._whole().start

    def _items(self, found: Iterator[Item], turn: int) -> Iterator[Item]:
        for item in found:
            whole = self._completed(item)
            if turn == self._turn:
                self._next = int(item["step"]) + 1
            yield whole
        if turn == self._turn and self._stop is None:
            self._begin_next()
            self._begun = False

    def _completed(self, item: Item) -> Item:
        """Return an item with what is looked up in this process: labels and tokens."""
        more: Item = {}
        names = item["name"].numpy()
        if self.labels is not None:
            manifest = self.feed.manifest
            more["label"] = torch.from_numpy(self.labels.numbers(manifest, item["taxon"].numpy(), names))
        if self.tokens is not None and self._texts is not None:
            sequence, step = self.feed.sequence, int(item["step"])
            positions = sequence.positions(step, sequence.places(step, self._rank, self._world))
            kinds = self._texts.of_batch(self.tokens.mix, step, positions)
            more["text_type"] = torch.from_numpy(kinds)
            more["tokens"] = torch.from_numpy(self._table.rows(kinds, names)).long()
        if self.pin_memory and torch.cuda.is_available():
            more = {name: tensor.pin_memory() for name, tensor in more.items()}
        return {**item, **more}


class _Order:
    """The sampler of a loader: the steps of the iteration that begins."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def __iter__(self) -> Iterator[int]:
        return iter(self._loader._steps)

    def __len__(self) -> int:
        return len(self._loader)


class _EpochOrder(_Order):
    """The sampler of a loader that reads epochs."""

    def set_epoch(self, epoch: int) -> None:
        """Set the loader's epoch, as trainers that look for a distributed sampler do."""
        self._loader.set_epoch(epoch)


def loader(
    feed: Feed,
    start: int = 0,
    stop: int | None = None,
    workers: int = 0,
    rank: int = 0,
    world: int = 1,
    *,
    label: str | Labels = "",
    tokens: Tokens | None = None,
    beside: Callable[[int], Any] | None = None,
    **options: Any,
) -> Loader:
    """Return a DataLoader over a rank's batches: epoch by epoch, or with `stop` the steps `start` to `stop` - 1.

    `label`: a rank, or 'taxon', for `label` in every item, the sample's class there (-1 for none), whose names are
    `loader.labels.names`; or the labels of another loader, for the same numbers. `tokens`: for `tokens` in every item,
    int64 of shape (samples, tokens), and `text_type`, numbers into `tokens.text`. `beside`: what the same worker makes
    of a step, for `beside` in every item. `options` are passed to DataLoader,
    such as `pin_memory`, `persistent_workers` or `multiprocessing_context`. For one process group:
    `rank=torch.distributed.get_rank(), world=torch.distributed.get_world_size()`.

    Raises FeedError for options that would decide the batches, for arguments of another type, for a `stop` before
    `start`, and for ranks that the batch cannot be cut for.
    """
    return Loader(feed, start, stop, workers, rank, world, label, tokens, beside, options)


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
