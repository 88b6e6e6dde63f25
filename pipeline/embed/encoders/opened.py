"""The encoder that `--model` names, and what identifies it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from pipeline.embed.encoders.encoder import weights_digest
from pipeline.embed.encoders.hugging_face_encoder import HuggingFaceEncoder
from pipeline.embed.encoders.open_clip_encoder import OpenClipEncoder
from pipeline.embed.encoders.timm_encoder import TimmEncoder
from pipeline.embed.encoders.trained import Trained
from pipeline.model.errors import UsageError
from pipeline.storage.places import place
from pipeline.train.fitting.devices import checked_device
from pipeline.train.fitting.loading import load_model
from pipeline.train.networks import build

KINDS = "a folder of `biomill train`, a checkpoint of it, open_clip:NAME@FILE, timm:NAME, timm:NAME@FILE, hf:NAME, tiny"


@dataclass(frozen=True, slots=True)
class Source:
    """A model that makes vectors, and what it is called."""

    encoder: Any
    name: str
    weights: str
    """Digest of its weights."""
    classes: tuple[str, ...] = ()
    """Taxa of a classifier; none for a model of images and texts."""

    def facts(self) -> dict[str, Any]:
        """Return what identifies the vectors that it makes."""
        told = {"model": self.name, "weights": self.weights, "preprocessing": self.encoder.preprocessing}
        return {**told, "width": self.encoder.width}


def open_source(model: str, device: str = "cpu", seed: int = 0) -> Source:
    """Return the model of a training run's folder or checkpoint, or the one that a setting names.

    `open_clip:NAME@FILE` and `timm:NAME@FILE` have the weights of the file; `timm:NAME` and `hf:NAME` those that the
    libraries fetch, `hf:FOLDER` those of a folder; `tiny` and `open_clip:NAME` random ones, drawn by the seed: a
    control that must find nothing. Raises UsageError for a name that is none of these, and
    for a device that is not there.
    """
    device = str(checked_device(device))
    kind, colon, rest = model.partition(":")
    named, _, weights = rest.partition("@")
    if colon and not named and kind in ("open_clip", "timm", "hf"):
        raise UsageError(f"the model {model!r} has no name", expected=KINDS)
    if model == "tiny":
        return _source(Trained(build(model, seed).to(device).eval()), model)
    if kind == "open_clip" and colon:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return _source(OpenClipEncoder(named, weights, device), f"open_clip:{named}")
    if kind == "timm" and colon:
        return _source(TimmEncoder(named, weights, device), f"timm:{named}")
    if kind == "hf" and colon:
        found = HuggingFaceEncoder(rest, device)
        told = Path(rest).resolve().name if Path(rest).is_dir() else rest
        return Source(found, f"hf:{told}", weights_digest(found.module, found.unmade))
    where = place(model)
    if not where.exists():
        raise UsageError(f"there is no model {model!r}", expected=KINDS)
    loaded = load_model(where, device)
    encoder = Trained(loaded.model, has_texts=not loaded.labels)
    return _source(encoder, f"{loaded.settings.architecture} at step {loaded.step}", loaded.labels)


def _source(encoder: Any, name: str, classes: tuple[str, ...] = ()) -> Source:
    return Source(encoder, name, weights_digest(encoder.module), classes)
