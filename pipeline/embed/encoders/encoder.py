"""What an encoder offers, and the batches that it reads: stored pictures, decoded whole and shown as it wants them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Protocol

import torch
from PIL import Image
from torch.utils.data import DataLoader

from pipeline.feed import Feed
from pipeline.feed.decoding import decoded_whole
from pipeline.model.errors import FeedError, UsageError

Prepare = Callable[[Image.Image], torch.Tensor]


class Encoder(Protocol):
    """A model that makes vectors of pictures, and of texts where it has a tower for them."""

    module: Any
    """The weights, a `torch.nn.Module`."""
    width: int
    preprocessing: str
    """What is done with a picture before the model, and which of its outputs is the vector: part of what identifies a
    set of vectors."""
    has_texts: bool

    def prepare(self, image: Image.Image) -> torch.Tensor:
        """Return a picture as the model takes it: float32 (3, height, width), normalised."""

    def encode_images(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return features (n, width) of prepared pictures."""

    def encode_texts(self, texts: Sequence[str]) -> torch.Tensor:
        """Return features (n, width) of texts."""


def prepared_batches(
    feed: Feed, prepare: Prepare, start: int, stop: int, workers: int = 0
) -> Iterator[tuple[tuple[str, ...], torch.Tensor]]:
    """Yield keys and prepared pictures (n, 3, height, width) of steps `start` to `stop` - 1 of a feed.

    Every picture is decoded at its full size, in RGB. Raises FeedError for one that cannot be read, UsageError where a
    model's own preprocessing gives pictures of several sizes.
    """
    steps: Any = _Steps(feed, prepare, stop)
    yield from DataLoader(steps, batch_size=None, sampler=range(start, stop), num_workers=workers, collate_fn=_as_it_is)


class _Steps:
    """A map-style dataset whose items are whole batches, as `pipeline.feed.torch.Steps` has them."""

    def __init__(self, feed: Feed, prepare: Prepare, stop: int) -> None:
        self._feed, self._prepare, self._stop = feed, prepare, stop

    def __len__(self) -> int:
        return self._stop

    def __getitem__(self, step: int) -> tuple[tuple[str, ...], torch.Tensor]:
        keys, jpegs = self._feed.stored(step)
        shown = [self._shown(key, jpeg) for key, jpeg in zip(keys, jpegs, strict=True)]
        shapes = {tuple(each.shape) for each in shown}
        if len(shapes) > 1 or len(shown[0].shape) != 3:
            raise UsageError(
                f"the model's preprocessing gives pictures of the shapes {sorted(shapes)[:3]}",
                expected="one shape (3, height, width) for all",
                remedy="choose a model whose preprocessing gives pictures of one size",
            )
        return keys, torch.stack(shown)

    def _shown(self, key: str, jpeg: bytes | memoryview) -> torch.Tensor:
        try:
            return self._prepare(decoded_whole(jpeg, self._feed.view.max_pixels))
        except FeedError as error:
            raise FeedError(error.what, f"key {key}", error.expected, "check the shards: biomill verify RUN") from error


def _as_it_is(item: Any) -> Any:
    return item


def weights_digest(module: Any, without: Collection[str] = ()) -> str:
    """Return the SHA-256 of a module's weights, by name; `without` those of some names."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        if name not in without:
            whole = tensor.detach().cpu().contiguous().reshape(-1)
            digest.update(name.encode() + whole.view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def probed(encode: Callable[[torch.Tensor], torch.Tensor], shape: Sequence[int], name: str) -> int:
    """Return how many numbers a model's vectors have, from two pictures of one value.

    Raises UsageError where it gives no vector a picture, or another one for the same picture each time.
    """
    with torch.inference_mode():
        pixels = torch.zeros((2, *shape))
        one, other = encode(pixels), encode(pixels)
    if one.ndim != 2 or one.shape[0] != 2:
        raise UsageError(
            f"{name} gives no vector for each picture",
            f"the shape of two pictures' is {tuple(one.shape)}",
            "(2, numbers)",
            "choose another model, or make the vectors yourself and bring them with --from",
        )
    if not torch.equal(one, other):
        raise UsageError(
            f"{name} gives another vector for the same picture each time",
            expected="a model without chance in its forward pass",
            remedy="choose another model, or make the vectors yourself and bring them with --from",
        )
    return int(one.shape[1])
