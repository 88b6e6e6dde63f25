"""What `biomill train` does: open the feed that the settings ask for, train, and say what came of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator

from pipeline.feed import Feed, Rules, View
from pipeline.storage.places import Place
from pipeline.train.fitting.checkpoints import newest
from pipeline.train.fitting.fit import fit
from pipeline.train.fitting.process_group import process_group
from pipeline.train.networks import build
from pipeline.train.settings import Settings

logger = logging.getLogger("biomill")
_SAID_EVERY = 2.0  # seconds between two lines of progress


def open_feed(shards: str, settings: Settings, size: int) -> Feed:
    """Return the feed of a run's shards that the settings ask for, of images of `size` pixels."""
    rules = Rules(
        batch=settings.batch,
        seed=settings.seed,
        mode=settings.mode,
        sampler=settings.sampler,
        cap=settings.cap,
        split=settings.split,
        where=settings.where,
        threads=settings.threads,
    )
    return Feed(shards, rules, View(settings.size or size, settings.crop, decoder=settings.decoder))


def train(shards: str, out: Place, settings: Settings, until: int = 0) -> Iterator[str]:
    """Yield what is said at the end of a training run, by the first process alone."""
    with process_group(settings.device) as group:
        settings.check()
        model = build(settings.model, settings.seed)
        feed = open_feed(shards, settings, model.size)
        done = fit(feed, out, settings, group, until, _seldom(logger.info), model)
        if not group.first:
            return
        path = newest(out)
        if done.images > 0:
            rate, share = done.images / done.seconds, done.waited / done.seconds
            yield (
                f"{done.step:,} of {settings.steps:,} steps, loss {done.loss:.4f}; {rate:,.0f} images/s, "
                f"{share:.1%} of the time waiting for data"
            )
        else:
            yield f"{done.step:,} of {settings.steps:,} steps were done before"
        yield f"checkpoint: {path}"
        if done.step < settings.steps:
            yield "to go on: the same command"


def _seldom(say: Callable[[str], None]) -> Callable[[str], None]:
    """Return a function that says a line, unless one was said just before."""
    said = [-_SAID_EVERY]

    def now_and_then(line: str) -> None:
        if time.monotonic() - said[0] >= _SAID_EVERY:
            said[0] = time.monotonic()
            say(line)

    return now_and_then
