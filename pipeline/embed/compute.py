"""Vectors of pictures and names by a model, part by part; it and `encoders` alone import PyTorch in this room."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import normalize

from pipeline.embed.encoders import Source, prepared_batches
from pipeline.embed.encoders.trained import Trained
from pipeline.embed.vector_files import DONE, Matrix, begin, digest_of, names_name, part_name, write_names, write_part
from pipeline.feed import Feed, Rules, View
from pipeline.feed.choices import TEXT_TYPES
from pipeline.feed.decoding import decoded_whole, show
from pipeline.feed.texts import Texts
from pipeline.feed.torch import loader
from pipeline.model.errors import FeedError, UsageError
from pipeline.storage.files.atomic import write_json
from pipeline.storage.places import Place
from pipeline.train.class_labels import difference
from pipeline.train.fitting.batches import normalised

_STEPS = 64  # batches in a part


def embed(
    shards: str, out: Place, source: Source, split: str = "", where: str = "", batch: int = 256, workers: int = 0
) -> Iterator[str]:
    """Write the vectors of all pictures of a split ('': of all), and of their taxa's names; yield a line for each part.

    Of a classifier no names are written, as it has learnt none; where its classes are not the taxa of the data, what
    differs is said: vectors are those of its image tower, which hold for any picture.
    What is there already of the same model and data is not made again. Raises UsageError where the folder holds
    vectors made by another model, weights or preprocessing, or of other data, and says by which.
    """
    encoder = source.encoder
    view = encoder.view if isinstance(encoder, Trained) else View(crop="center")
    feed = Feed(shards, Rules(batch, split=split, where=where, once=True), view)
    facts = {**source.facts(), "batch": batch, "steps": _STEPS, "data": feed.digest}
    begin(out, facts)
    if source.classes:
        yield from _classifier_said(feed, source.classes)
    steps = feed.sequence.epoch_steps
    for number, start in enumerate(range(0, steps, _STEPS)):
        path = out / part_name(number)
        if path.exists():
            continue
        keys: list[str] = []
        parts: list[Matrix] = []
        for some, pixels in _batches(feed, encoder, start, min(start + _STEPS, steps), workers):
            keys += some
            parts.append(_unit(encoder, pixels, keys[-len(some) :]))
        write_part(path, keys, source.name, np.concatenate(parts))
        yield f"{start * batch + len(keys):,} of {len(feed):,} pictures"
    if encoder.has_texts:
        yield from _names(feed, out, source)
    elif not source.classes:
        yield f"{source.name} has no tower of texts: there are no vectors of names"
    write_json(out / DONE, {**facts, "pictures": len(feed), "digest": digest_of(facts)})


def _batches(
    feed: Feed, encoder: Any, start: int, stop: int, workers: int
) -> Iterator[tuple[tuple[str, ...], torch.Tensor]]:
    """Yield keys and pictures as the model takes them, on its device."""
    device = next(encoder.module.parameters()).device
    if isinstance(encoder, Trained):
        for item in loader(feed, start, stop, workers):
            yield item["key"], normalised(item["image"].to(device, non_blocking=True), encoder.module)
        return
    for keys, pixels in prepared_batches(feed, encoder.prepare, start, stop, workers):
        yield keys, pixels.to(device, non_blocking=True)


def picture_vector(source: Source, path: Path) -> Matrix:
    """Return the unit vector of a JPEG, shape (1, width), in float32, as `embed` makes that of a stored picture.

    Raises FeedError where it is none, UsageError where it cannot be read.
    """
    encoder = source.encoder
    try:
        jpeg = path.read_bytes()
    except OSError as error:
        raise UsageError(f"the picture cannot be read: {error.strerror}", str(path), "a JPEG") from error
    device = next(encoder.module.parameters()).device
    try:
        if isinstance(encoder, Trained):
            shown = torch.from_numpy(show(jpeg, encoder.view, ()).copy()).permute(2, 0, 1)[None]
            pixels = normalised(shown.to(device), encoder.module)
        else:
            pixels = encoder.prepare(decoded_whole(jpeg))[None].to(device)
    except FeedError as error:
        raise FeedError(error.what, str(path), "a JPEG", "save the picture as a JPEG") from error
    return _unit(encoder, pixels, [str(path)])


def _classifier_said(feed: Feed, classes: tuple[str, ...]) -> Iterator[str]:
    differs = difference(classes, feed.manifest.taxa[:])
    if differs:
        yield f"its classes are not the taxa here: {differs}; vectors are of its image tower, and hold for any picture"
    yield f"a classifier of {len(classes):,} taxa has learnt no names: vectors of pictures alone"


def _names(feed: Feed, out: Place, source: Source) -> Iterator[str]:
    """Write the vectors of every taxon's captions, of all text types that differ."""
    taxa, first = np.unique(feed.manifest.taxon, return_index=True)
    names = feed.manifest.name[first]
    texts = Texts(feed.manifest, TEXT_TYPES)
    for text in TEXT_TYPES:
        captions = [texts.text(int(name), text) for name in names]
        ids = [feed.manifest.taxa[int(taxon)] for taxon in taxa]
        write_names(out / names_name(text), ids, text, captions, source.name, text_vectors(source.encoder, captions))
    yield f"{len(taxa):,} taxa, {len(TEXT_TYPES)} captions each"


def text_vectors(encoder: Any, captions: list[str], at_once: int = 512) -> Matrix:
    """Return the unit vectors of captions, in float32."""
    parts = []
    with torch.inference_mode():
        for start in range(0, len(captions), at_once):
            features = encoder.encode_texts(captions[start : start + at_once])
            parts.append(normalize(features.float(), dim=1).cpu().numpy())
    return np.concatenate(parts)


def _unit(encoder: Any, pixels: torch.Tensor, keys: list[str]) -> Matrix:
    """Return the unit vectors of pictures; raise UsageError for one that has no direction or is no number."""
    with torch.inference_mode():
        found: Matrix = normalize(encoder.encode_images(pixels).float(), dim=1).cpu().numpy()
    wrong = np.flatnonzero(~(np.abs((found**2).sum(axis=1) - 1) < 1e-3))
    if wrong.size:
        raise UsageError(
            "the model gives a vector of zeros, or one that is no number",
            f"key {keys[int(wrong[0])]}, and {wrong.size - 1} more of its batch",
            "a vector with a direction for each picture",
            "look at the model's weights",
        )
    return found
