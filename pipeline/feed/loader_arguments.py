"""What a loader is made with, refused by name before PyTorch sees it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.feed.feed import Feed
from pipeline.feed.kinds import check_whole
from pipeline.feed.taxon_labels import Labels
from pipeline.feed.tokens import Tokens
from pipeline.model.errors import FeedError

_OURS = ("batch_size", "shuffle", "sampler", "batch_sampler", "collate_fn", "drop_last", "in_order")


def check_options(options: Mapping[str, Any]) -> None:
    """Raise FeedError for an option of DataLoader that would decide the batches, or that has another name here."""
    if "num_workers" in options:
        raise FeedError("num_workers is given to the loader", expected="workers", remedy="use workers=N")
    wrong = [name for name in _OURS if name in options]
    if wrong:
        raise FeedError(
            f"{wrong[0]} is given to the loader",
            expected="what PyTorch's DataLoader takes and does not decide the batches, such as pin_memory",
            remedy="batch and order are those of the feed's Rules",
        )


def check_arguments(
    feed: Any, start: Any, stop: Any, workers: Any, rank: Any, world: Any, label: Any, tokens: Any, beside: Any
) -> None:
    """Raise FeedError for the first argument of another type, and for steps that end before they begin."""
    if not isinstance(feed, Feed):
        raise FeedError(f"the loader's feed is {feed!r}", expected="a Feed", remedy="loader(Feed(RUN, Rules(batch)))")
    check_whole("the loader's workers", workers, 0)
    for name, value in (("start", start), ("stop", start if stop is None else stop), ("rank", rank), ("world", world)):
        check_whole(f"the loader's {name}", value)
    if stop is not None and stop < start:
        raise FeedError(
            f"the loader's steps end at {stop}, before they begin at {start}",
            expected="stop at start or behind it: the steps are start to stop - 1",
            remedy="loader(feed, start, stop); workers are named: workers=N",
        )
    if not isinstance(label, str | Labels):
        raise FeedError(
            f"the loader's label is {label!r}", expected="'taxon', one of the seven ranks, or another loader's labels"
        )
    if tokens is not None and not isinstance(tokens, Tokens):
        raise FeedError(
            f"the loader's tokens are {tokens!r}", expected="pipeline.feed.Tokens", remedy="tokens=Tokens(tokenizer)"
        )
    if beside is not None and not callable(beside):
        raise FeedError(f"the loader's beside is {beside!r}", expected="something to call with a step")
