"""The loop: from a feed and settings to weights, in steps that are functions of their number.

Where a run goes on, and in how many processes, changes no batch. In each process gradients are those of the loss of the
whole batch with respect to its own samples; their mean over processes is the gradient (`Group.average`), so that world
size, and parts of a batch (`accumulation`), change nothing but speed and the last bits.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from pipeline.feed import Feed
from pipeline.feed.texts import Texts
from pipeline.model.errors import FeedError, RunError
from pipeline.storage.files.atomic import sweep, write_json
from pipeline.storage.places import Place
from pipeline.train.class_labels import check_labels
from pipeline.train.fitting.batches import Batches, Item
from pipeline.train.fitting.checkpoints import Checkpoint, fitting_weights, newest, read_checkpoint, save
from pipeline.train.fitting.gradients import Gradients
from pipeline.train.fitting.optimiser import learning_rate, make_optimiser
from pipeline.train.fitting.process_group import Group
from pipeline.train.fitting.sinks import open_sinks
from pipeline.train.journal import Journal
from pipeline.train.need import need_journals
from pipeline.train.networks import ReplayProjection, build, floor, make_head
from pipeline.train.replay import Pairs, open_pairs
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
    need_journals(settings.journals)
    for what, size in (("batch", settings.batch), ("replay_batch", settings.replay_batch * settings.replays)):
        if size % (group.world * settings.accumulation):
            raise RunError(
                f"a {what} of {size} cannot be cut for {group.world} processes of {settings.accumulation} parts",
                expected=f"a {what} that is a multiple of both",
            )
    run = _Run(feed, out, settings, group, model)
    start = run.resume()
    stop = min(until or settings.steps, settings.steps)
    if group.first:
        data = f"{len(feed):,} samples of {len(feed.manifest.taxa):,} taxa"
        say(f"step {start:,} of {settings.steps:,}: {data}{_replay_said(settings, run.pairs)}")
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
        self.pairs = open_pairs(settings, feed.view) if settings.replays else None
        self.projection: ReplayProjection | None = None
        if self.pairs is not None:
            self.projection = ReplayProjection(self.model).to(group.device)
            named += [(f"replay.{name}", weight) for name, weight in self.projection.named_parameters()]
        self.parameters = [parameter for _, parameter in named if parameter.requires_grad]
        self.optimiser = make_optimiser(named, settings)
        self.gradients = Gradients(self.model, self.head, self.projection, settings)

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
        check_labels(found.state["labels"], self.labels, found.where)
        start = self.feed.resume(found.state["feed"])
        self._check_replay(found)
        with fitting_weights(found):
            self.model.load_state_dict(found.state["state_dict"])
            if self.projection is not None:
                self.projection.load_state_dict(found.state["replay"]["projection"])
            if self.head is not None:
                self.head.load_state_dict(found.state["head"])
            self.optimiser.load_state_dict(found.state["optimizer"])
        torch.set_rng_state(found.state["rng"])
        return start

    def _check_replay(self, found: Checkpoint) -> None:
        """Raise FeedError where a checkpoint was made with another replay, or with none."""
        theirs = found.state.get("replay", {}).get("digest", "")
        if theirs == (self.pairs.digest if self.pairs is not None else ""):
            return
        if self.pairs is None:
            what, expected = "the checkpoint was made with a replay, and none is named", "the same replay"
        elif not theirs:
            what, expected = "the checkpoint was made without a replay, and one is named", "no replay"
        else:
            what, expected = "the checkpoint was made with other replay data", f"digest {theirs}"
        here = f"; here {self.pairs.where}, digest {self.pairs.digest}" if self.pairs is not None else ""
        raise FeedError(
            what, f"{found.where}{here}", expected, "set replay as the run was begun, or name another folder with -o"
        )

    def save(self, step: int) -> None:
        """Write a checkpoint of the steps that are done."""
        if self.group.first:
            state = {
                "state_dict": self.model.state_dict(),
                "head": self.head.state_dict() if self.head is not None else {},
                "replay": self._replay_state(),
                "optimizer": self.optimiser.state_dict(),
                "feed": self.feed.state(step),
                "labels": list(self.labels),
                "rng": torch.get_rng_state(),
            }
            save(self.out, step, state, self.settings, self.settings.keep)
        self.group.wait()

    def _replay_state(self) -> dict[str, Any]:
        if self.pairs is None or self.projection is None:
            return {}
        return {"digest": self.pairs.digest, "projection": self.projection.state_dict()}

    def train(self, start: int, stop: int, say: Callable[[str], None]) -> Trained:
        """Do the steps `start` to `stop` - 1."""
        settings, group = self.settings, self.group
        texts = Texts(self.feed.manifest, settings.text, settings.seed, settings.template, settings.shuffled)
        items = Batches(self.feed, texts, self.model, settings, group, self.pairs).items(start, stop)
        journal = Journal(self.out, start) if group.first else None
        sinks = open_sinks(self.out, settings, journal.lines) if journal is not None else []
        loss, begun, written, waited = math.nan, time.perf_counter(), time.perf_counter(), 0.0
        for step in range(start, stop):
            asked = time.perf_counter()
            item = next(items)
            had = time.perf_counter()
            loss, replayed, norm = self._step(item)
            done = time.perf_counter()
            waited += had - asked
            if journal is not None and (step % settings.log_every == 0 or step + 1 == stop):
                facts = self._facts(item, loss, norm, had - asked, done - asked)
                if item.replay is not None:
                    facts["replay_loss"] = replayed
                journal.note(step, **facts)
                for sink in sinks:
                    sink.note(journal.lines[-1])
                say(_line(step, settings.steps, facts))
            saves = (step + 1) % settings.checkpoint_every == 0 or step + 1 == stop
            if journal is not None and (saves or done - written > _WRITTEN_EVERY):
                # Before the checkpoint: a run that goes on from it forgets what is noted behind it, and lacks nothing.
                journal.write()
                written = done
            if saves:
                self.save(step + 1)
                for sink in sinks:
                    sink.saved()
        for sink in sinks:
            sink.close()
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

    def _step(self, item: Item) -> tuple[float, float, float]:
        """Do one step; return the loss of the whole batch, that of its replay (0 without), and the gradient's norm."""
        settings = self.settings
        for parameters in self.optimiser.param_groups:
            parameters["lr"] = learning_rate(settings, item.step)
        self.optimiser.zero_grad(set_to_none=True)
        gradients = self.gradients
        loss = gradients.classify(item) if settings.objective == "classify" else gradients.contrast(item)
        told = float(self.group.mean(loss.detach().float().clone()))
        replayed = 0.0
        if item.replay is not None:
            replayed = float(self.group.mean(gradients.replay(item.replay).detach().float().clone()))
        if not math.isfinite(told + replayed):
            self._refuse(item, told + replayed)
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
        return told, replayed, norm

    def _refuse(self, item: Item, found: float) -> None:
        """Raise RunError for a step whose loss or gradient is no number; its keys are written beside the run."""
        name = f"refused-step-{item.step:08d}-rank-{self.group.rank}.json"
        replay = {"replay_keys": list(item.replay.keys)} if item.replay is not None else {}
        write_json(self.out / name, {"step": item.step, "keys": list(item.keys), **replay})
        raise RunError(
            f"the loss or gradient of step {item.step} is {found}: nothing was changed by it",
            f"batch of {', '.join(item.keys[:3])}, …; all keys are in {self.out / name}",
            "a number",
            "lower the rate, raise the warm-up, or use precision fp32; the last checkpoint is whole",
        )


def _replay_said(settings: Settings, pairs: Pairs | None) -> str:
    """Return what is said of the replay at the start, also where half of it is asked for and so none is read."""
    if pairs is not None:
        share = settings.replay_batch / settings.batch
        return f"; replay of {pairs.told}, {settings.replay_batch:,} beside every {settings.batch:,} ({share:.3f} to 1)"
    if settings.replay_batch:
        return f"; without replay: replay_batch is {settings.replay_batch:,}, but replay names no data"
    return f"; without replay: replay is {settings.replay}, but replay_batch is 0" if settings.replay else ""


def _line(step: int, steps: int, facts: dict[str, Any]) -> str:
    text = f" {facts['text']}" if facts["text"] else ""
    replay = f", replay {facts['replay_loss']:.4f}" if "replay_loss" in facts else ""
    loss = f"loss {facts['loss']:.4f} ({facts['excess']:.4f} above the least){text}{replay}"
    speed = f"{facts['images_per_s']:,.0f} images/s, {facts['data_wait']:.0%} waiting for data"
    return f"step {step + 1:,} of {steps:,}: {loss}, {speed}"
