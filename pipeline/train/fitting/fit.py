"""The loop: from a feed and settings to weights, in steps that are functions of their number.

Where a run goes on, and in how many processes, changes no batch. In each process gradients are those of the loss of the
whole batch with respect to its own samples; their mean over processes is the gradient (`Group.average`), so that world
size, and parts of a batch (`accumulation`), change nothing but speed and the last bits.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import normalize

from pipeline.feed import Feed
from pipeline.feed.texts import Texts
from pipeline.model.errors import FeedError, RunError
from pipeline.storage.files.atomic import sweep, write_json
from pipeline.storage.places import Place
from pipeline.train.fitting.batches import Batches, Item, normalised
from pipeline.train.fitting.checkpoints import newest, read_checkpoint, save
from pipeline.train.fitting.optimiser import learning_rate, make_optimiser
from pipeline.train.fitting.process_group import Group
from pipeline.train.journal import Journal
from pipeline.train.networks import build, contrastive_loss, floor, make_head
from pipeline.train.settings import Settings
from pipeline.train.taxon_lineages import lineages_of

_WRITTEN_EVERY = 30.0  # seconds between two writings of the journal


@dataclass(frozen=True, slots=True)
class Trained:
    """How far a run came."""

    step: int
    loss: float
    """Of the last step that was done here; NaN where none was."""
    images: int
    """That were seen here, by all processes."""
    seconds: float
    waited: float
    """Seconds in which the loop waited for data."""


def fit(
    feed: Feed,
    out: Place,
    settings: Settings,
    group: Group,
    until: int = 0,
    say: Callable[[str], None] = print,
    model: Any = None,
) -> Trained:
    """Train to the last step, or to step `until`, going on from the newest checkpoint in `out`; return how far it came.

    `model`: what `networks.build` made of the settings, where it is there already.

    Raises RunError for a loss that is no number, naming the batch, and where `out` holds a run of other settings;
    FeedError where its checkpoint is of other data.
    """
    settings.check()
    if settings.batch % (group.world * settings.accumulation):
        raise RunError(
            f"a batch of {settings.batch} cannot be cut for {group.world} processes of {settings.accumulation} parts",
            expected="a batch that is a multiple of both",
        )
    run = _Run(feed, out, settings, group, model)
    start = run.resume()
    stop = min(until or settings.steps, settings.steps)
    if group.first:
        say(f"step {start:,} of {settings.steps:,}: {len(feed):,} samples of {len(feed.manifest.taxa):,} taxa")
        write_json(out / "settings.json", settings.facts())
    return run.train(start, stop, say)


class _Run:
    """A model, its optimiser, and what is read and written."""

    def __init__(self, feed: Feed, out: Place, settings: Settings, group: Group, model: Any = None) -> None:
        self.feed, self.out, self.settings, self.group = feed, out, settings, group
        made = build(settings.model, settings.seed) if model is None else model
        self.model = made.to(group.device, memory_format=torch.channels_last)
        self.labels = tuple(feed.manifest.taxa[:]) if settings.objective == "classify" else ()
        self.head: Any = None
        if settings.objective == "classify":
            lineages = lineages_of(feed.manifest)
            self.head = make_head(settings.head, self.model.width, lineages, settings.seed).to(group.device)
        if settings.checkpointing:
            self.model.save_memory()
        named = [*self.model.named_parameters(), *(self.head.named_parameters() if self.head is not None else ())]
        self.parameters = [parameter for _, parameter in named if parameter.requires_grad]
        self.optimiser = make_optimiser(named, settings)
        self.images = torch.compile(self.model.encode_image) if settings.compile else self.model.encode_image
        self.texts = torch.compile(self.model.encode_text) if settings.compile else self.model.encode_text

    def resume(self) -> int:
        """Load the newest checkpoint; return the step to go on at."""
        path = newest(self.out)
        if self.group.first:
            sweep(self.out)  # what a killed process had half written
        self.group.wait()
        if path is None:
            return 0
        found = read_checkpoint(path)
        changed = self.settings.difference(found.settings)
        if changed:
            raise RunError(
                "the folder holds a run of other settings",
                found.where,
                "; ".join(changed),
                "name another folder with -o, or the settings that it was begun with",
            )
        start = self.feed.resume(found.state["feed"])
        if tuple(found.state["labels"]) != self.labels:
            raise FeedError("the checkpoint has other classes than the data", found.where)
        self.model.load_state_dict(found.state["state_dict"])
        if self.head is not None:
            self.head.load_state_dict(found.state["head"])
        self.optimiser.load_state_dict(found.state["optimizer"])
        torch.set_rng_state(found.state["rng"])
        return start

    def save(self, step: int) -> None:
        """Write a checkpoint of the steps that are done."""
        if self.group.first:
            state = {
                "state_dict": self.model.state_dict(),
                "head": self.head.state_dict() if self.head is not None else {},
                "optimizer": self.optimiser.state_dict(),
                "feed": self.feed.state(step),
                "labels": list(self.labels),
                "rng": torch.get_rng_state(),
            }
            save(self.out, step, state, self.settings, self.settings.keep)
        self.group.wait()

    def train(self, start: int, stop: int, say: Callable[[str], None]) -> Trained:
        """Do the steps `start` to `stop` - 1."""
        settings, group = self.settings, self.group
        texts = Texts(self.feed.manifest, settings.text, settings.seed, settings.template, settings.shuffled)
        items = Batches(self.feed, texts, self.model, settings, group).items(start, stop)
        journal = Journal(self.out, start) if group.first else None
        loss, begun, written, waited = math.nan, time.perf_counter(), time.perf_counter(), 0.0
        for step in range(start, stop):
            asked = time.perf_counter()
            item = next(items)
            had = time.perf_counter()
            loss, norm = self._step(item)
            done = time.perf_counter()
            waited += had - asked
            if journal is not None and (step % settings.log_every == 0 or step + 1 == stop):
                facts = self._facts(item, loss, norm, had - asked, done - asked)
                journal.note(step, **facts)
                say(_line(step, settings.steps, facts))
            saves = (step + 1) % settings.checkpoint_every == 0 or step + 1 == stop
            if journal is not None and (saves or done - written > _WRITTEN_EVERY):
                # Before the checkpoint: a run that goes on from it forgets what is noted behind it, and lacks nothing.
                journal.write()
                written = done
            if saves:
                self.save(step + 1)
        return Trained(max(start, stop), loss, (stop - start) * settings.batch, time.perf_counter() - begun, waited)

    def _facts(self, item: Item, loss: float, norm: float, waited: float, took: float) -> dict[str, Any]:
        contrast = self.settings.objective == "contrast"
        least = floor(item.alike) if contrast else 0.0
        return {
            "loss": loss,
            "excess": loss - least,
            "text": item.text if contrast else "",
            "rate": learning_rate(self.settings, item.step),
            "scale": math.exp(float(self.model.logit_scale.detach())) if contrast else 1.0,
            "gradient": norm,
            "images_per_s": round(self.settings.batch / took, 1),
            "data_wait": round(waited / took, 4),
        }

    def _step(self, item: Item) -> tuple[float, float]:
        """Do one step; return the loss of the whole batch and the norm of its gradient."""
        settings = self.settings
        for parameters in self.optimiser.param_groups:
            parameters["lr"] = learning_rate(settings, item.step)
        self.optimiser.zero_grad(set_to_none=True)
        loss = self._classify(item) if settings.objective == "classify" else self._contrast(item)
        told = float(self.group.mean(loss.detach().float().clone()))
        if not math.isfinite(told):
            self._refuse(item, told)
        for parameter in self.parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        self.group.average(parameter.grad for parameter in self.parameters)
        norm = float(torch.nn.utils.clip_grad_norm_(self.parameters, settings.clip or math.inf))
        if not math.isfinite(norm):
            self._refuse(item, norm)
        self.optimiser.step()
        with torch.no_grad():
            self.model.logit_scale.clamp_(0, math.log(settings.scale_limit))
        return told, norm

    def _contrast(self, item: Item) -> torch.Tensor:
        """Return the loss of the batch, its gradient left with the parameters."""
        taxa = item.taxa if self.settings.mix == "sample" else None
        if self.settings.accumulation == 1:
            images, texts = self._features(item, slice(None))
            loss = contrastive_loss(images, texts, self.model.logit_scale.exp(), item.first, taxa)
            loss.backward()
            return loss
        # The loss needs all features at once; their gradients are then taken back part by part (Gao and others 2021,
        # "Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup").
        parts = list(self._parts(item))
        with torch.no_grad():
            found = [self._features(item, part) for part in parts]
        whole = [torch.cat([each[side] for each in found]).requires_grad_() for side in (0, 1)]
        loss = contrastive_loss(whole[0], whole[1], self.model.logit_scale.exp(), item.first, taxa)
        loss.backward()
        for part in parts:
            features = self._features(item, part)
            torch.autograd.backward(list(features), [each.grad[part] for each in whole])
        return loss

    def _classify(self, item: Item) -> torch.Tensor:
        mine = item.taxa[item.first : item.first + item.pixels.shape[0]]
        total = torch.zeros((), device=mine.device)
        for part in self._parts(item):
            with self._precision():
                features = self.images(normalised(item.pixels[part], self.model))
            share = mine[part].shape[0] / mine.shape[0]
            loss = self.head.loss(features.float(), mine[part]) * share
            loss.backward()
            total += loss.detach()
        return total

    def _parts(self, item: Item) -> Iterator[slice]:
        size = item.pixels.shape[0] // self.settings.accumulation
        return (slice(at * size, (at + 1) * size) for at in range(self.settings.accumulation))

    def _features(self, item: Item, part: slice) -> tuple[torch.Tensor, torch.Tensor]:
        """Return unit features of the images and texts of a part, in full precision."""
        with self._precision():
            images = self.images(normalised(item.pixels[part], self.model))
            strings, place = torch.unique(item.string[part], return_inverse=True)
            texts = self.texts(item.tokens[strings])[place]
        return normalize(images.float(), dim=1), normalize(texts.float(), dim=1)

    def _precision(self) -> AbstractContextManager[Any]:
        if self.settings.precision == "bf16":
            return torch.autocast(self.group.device.type, torch.bfloat16)
        return nullcontext()

    def _refuse(self, item: Item, found: float) -> None:
        """Raise RunError for a step whose loss or gradient is no number; its keys are written beside the run."""
        name = f"refused-step-{item.step:08d}-rank-{self.group.rank}.json"
        write_json(self.out / name, {"step": item.step, "keys": list(item.keys)})
        raise RunError(
            f"the loss or gradient of step {item.step} is {found}: nothing was changed by it",
            f"batch of {', '.join(item.keys[:3])}, …; all keys are in {self.out / name}",
            "a number",
            "lower the rate, raise the warm-up, or use precision fp32; the last checkpoint is whole",
        )


def _line(step: int, steps: int, facts: dict[str, Any]) -> str:
    text = f" {facts['text']}" if facts["text"] else ""
    return (
        f"step {step + 1:,} of {steps:,}: loss {facts['loss']:.4f} ({facts['excess']:.4f} above the least){text}, "
        f"{facts['images_per_s']:,.0f} images/s, {facts['data_wait']:.0%} waiting for data"
    )
