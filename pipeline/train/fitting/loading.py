"""A trained model, read from the folder of its run or from one of its checkpoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipeline.model.errors import FeedError
from pipeline.storage.places import Place
from pipeline.train.fitting.checkpoints import fitting_weights, newest, read_checkpoint
from pipeline.train.networks import build, make_head
from pipeline.train.settings import Settings


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model with the weights of a checkpoint, ready to be asked."""

    model: Any
    settings: Settings
    step: int
    labels: tuple[str, ...]
    """Taxa of a classifier, in the order of its classes."""
    head: Any
    """Of a classifier; None for other models, and for a tree of classes whose lineages were not given."""
    where: str


def load_model(where: Place, device: str = "cpu", lineages: list[tuple[str, ...]] | None = None) -> Loaded:
    """Return the model of a run's newest checkpoint, or of the one that is named.

    `lineages`: of the classifier's labels, where its head is hierarchical; it is left out without them. Raises
    FeedError where there is no checkpoint, or its weights are of another architecture than its settings say.
    """
    path = where if where.name.endswith(".pt") else newest(where)
    if path is None:
        raise FeedError("there is no checkpoint", str(where), "a folder of `biomill train`, or a checkpoint of it")
    found = read_checkpoint(path)
    settings = found.settings
    model = build(settings.architecture, settings.seed)
    labels = tuple(found.state["labels"])
    head = None
    with fitting_weights(found):
        model.load_state_dict(found.state["state_dict"])
        if labels and (lineages or settings.head == "linear"):
            head = make_head(settings.head, model.width, lineages or [(each,) for each in labels], settings.seed)
            head.load_state_dict(found.state["head"])
            head.to(device).eval()
    model.to(device).eval()
    return Loaded(model, settings, found.step, labels, head, found.where)
