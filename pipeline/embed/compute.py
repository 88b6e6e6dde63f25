"""Vectors of pictures and names by a model, part by part; the one module of this room that imports PyTorch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn.functional import normalize

from pipeline.embed.vector_files import DONE, Matrix, names_name, part_name, write_names, write_part
from pipeline.feed import Feed, Rules, View
from pipeline.feed.choices import TEXT_TYPES
from pipeline.feed.texts import Texts
from pipeline.feed.torch import loader
from pipeline.model.errors import UsageError
from pipeline.storage.files.atomic import read_json, write_json
from pipeline.storage.places import Place, place
from pipeline.train.class_labels import difference
from pipeline.train.fitting.batches import normalised
from pipeline.train.fitting.loading import load_model
from pipeline.train.networks import build

_STEPS = 64  # batches in a part


@dataclass(frozen=True, slots=True)
class Source:
    """A model that makes vectors, and what it is called."""

    model: Any
    name: str
    digest: str
    """Of its weights."""
    classes: tuple[str, ...] = ()
    """Taxa of a classifier; none for a model of images and texts."""


def open_source(model: str, device: str = "cpu", seed: int = 0) -> Source:
    """Return the model of a training run's folder or checkpoint, or the one that a setting names.

    `open_clip:NAME@FILE` has the weights of the file, `tiny` and `open_clip:NAME` random ones, drawn by the seed: a
    control that must find nothing. Raises UsageError for a name that is none of these.
    """
    if model == "tiny" or model.startswith("open_clip:"):
        made = build(model, seed).to(device).eval()
        return Source(made, model.partition("@")[0], _digest(made))
    where = place(model)
    if not where.exists():
        raise UsageError(
            f"there is no model {model!r}",
            expected="a folder of `biomill train`, a checkpoint of it, open_clip:NAME@FILE, or tiny",
        )
    loaded = load_model(where, device)
    called = f"{loaded.settings.architecture} at step {loaded.step}"
    return Source(loaded.model, called, _digest(loaded.model), loaded.labels)


def embed(
    shards: str, out: Place, source: Source, split: str = "", where: str = "", batch: int = 256, workers: int = 0
) -> Iterator[str]:
    """Write the vectors of all pictures of a split ('': of all), and of their taxa's names; yield a line for each part.

    Of a classifier no names are written, as it has learnt none; where its classes are not the taxa of the data, what
    differs is said: vectors are those of its image tower, which hold for any picture.
    What is there already of the same model and data is not made again. Raises UsageError where the folder holds
    vectors of another model or of other data.
    """
    feed = Feed(shards, Rules(batch, split=split, where=where, once=True), View(source.model.size, "center"))
    facts = {"model": source.name, "width": source.model.width, "pictures": len(feed), "digest": ""}
    facts["digest"] = hashlib.sha256(json.dumps([feed.digest, source.digest, _STEPS]).encode()).hexdigest()
    begun = out / "_begun.json"
    if begun.exists() and read_json(begun) != facts:
        raise UsageError(
            "the folder holds vectors of another model, or of other data",
            str(out),
            f"{read_json(begun)['model']}, {read_json(begun)['pictures']:,} pictures",
            "name another set with --name, or remove the folder",
        )
    write_json(begun, facts)
    if source.classes:
        yield from _classifier_said(feed, source.classes)
    steps = feed.sequence.epoch_steps
    device = next(source.model.parameters()).device
    for number, start in enumerate(range(0, steps, _STEPS)):
        path = out / part_name(number)
        if path.exists():
            continue
        stop = min(start + _STEPS, steps)
        keys: list[str] = []
        parts: list[Matrix] = []
        for item in loader(feed, start, stop, workers):
            keys += item["key"]
            parts.append(_pictures(source.model, item["image"].to(device, non_blocking=True)))
        write_part(path, keys, source.name, np.concatenate(parts))
        yield f"{start * batch + len(keys):,} of {len(feed):,} pictures"
    if not source.classes:
        yield from _names(feed, out, source)
    write_json(out / DONE, facts)


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
        write_names(out / names_name(text), ids, text, captions, source.name, text_vectors(source.model, captions))
    yield f"{len(taxa):,} taxa, {len(TEXT_TYPES)} captions each"


def text_vectors(model: Any, captions: list[str], at_once: int = 512) -> Matrix:
    """Return the unit vectors of captions, in float32."""
    device = next(model.parameters()).device
    parts = []
    with torch.inference_mode():
        for start in range(0, len(captions), at_once):
            tokens = model.tokens(captions[start : start + at_once]).long().to(device)
            parts.append(normalize(model.encode_text(tokens).float(), dim=1).cpu().numpy())
    return np.concatenate(parts)


def _pictures(model: Any, pixels: torch.Tensor) -> Matrix:
    with torch.inference_mode():
        features = model.encode_image(normalised(pixels, model))
    found: Matrix = normalize(features.float(), dim=1).cpu().numpy()
    return found


def _digest(model: Any) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
