"""Checkpoints: all that a run needs to go on bit for bit, one file each, whole or absent, at any address.

A file holds `state_dict` (the model's weights, by the names that open_clip gives those of its models, so that open_clip
loads it as it is), `head`, `optimizer`, `step`, `feed` (the digest of what is read), `settings`, `labels`, `rng` and
`replay`: its `digest`, and its `projection` apart from the model's weights; empty without replay. It is read without
running anything that it holds (`weights_only`).
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from pipeline.model.errors import FeedError, StorageError
from pipeline.storage.files.atomic import atomic_path
from pipeline.storage.places import Place, matching
from pipeline.train.settings import Settings

FOLDER = "checkpoints"
FORMAT = 1
_NAME = re.compile(r"step-(\d{8})\.pt")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a file holds, on the CPU."""

    where: str
    state: Mapping[str, Any]
    settings: Settings

    @property
    def step(self) -> int:
        """Steps that are done, and so the number of the next one."""
        return int(self.state["step"])


def checkpoints(folder: Place) -> list[Place]:
    """Return a run's checkpoints, the oldest first."""
    return [each for each in matching(folder / FOLDER, "step-*.pt") if _NAME.fullmatch(each.name)]


def newest(folder: Place) -> Place | None:
    """Return the newest checkpoint of a run; None where there is none yet."""
    found = checkpoints(folder)
    return found[-1] if found else None


def save(folder: Place, step: int, state: Mapping[str, Any], settings: Settings, keep: int) -> Place:
    """Write a checkpoint, whole or not at all, and remove those before the newest `keep`; return where it lies.

    Raises StorageError when it cannot be written; earlier ones stay.
    """
    path = folder / FOLDER / f"step-{step:08d}.pt"
    told = {**state, "step": step, "format": FORMAT, "settings": json.dumps(settings.facts(), sort_keys=True)}
    with atomic_path(path) as temporary:
        try:
            torch.save(told, temporary)
        except RuntimeError as error:
            # PyTorch's writer turns what the system says into a RuntimeError of its own.
            raise StorageError(
                f"cannot write a checkpoint: {str(error).splitlines()[0]}",
                str(path),
                remedy="free some space; then run the same command again: it goes on from the checkpoint before",
            ) from error
    for old in checkpoints(folder)[:-keep]:
        old.unlink()
    return path


def read_checkpoint(path: Place) -> Checkpoint:
    """Read a checkpoint; raise FeedError for a file that is none, or is damaged."""
    try:
        state = torch.load(io.BytesIO(path.read_bytes()), map_location="cpu", weights_only=True)
        if state.get("format") != FORMAT:
            raise ValueError(f"its format is {state.get('format')!r}, not {FORMAT}")
        settings = Settings.of(json.loads(state["settings"]), str(path))
    except OSError as error:
        raise FeedError(
            f"the checkpoint cannot be read: {error}", str(path), "a checkpoint of `biomill train`"
        ) from error
    except Exception as error:
        raise FeedError(
            f"the checkpoint cannot be read: {str(error).splitlines()[0] if str(error) else type(error).__name__}",
            str(path),
            "a checkpoint of `biomill train`",
            "remove it: training goes on from the one before",
        ) from error
    return Checkpoint(str(path), state, settings)


@contextmanager
def fitting_weights(found: Checkpoint) -> Iterator[None]:
    """Raise FeedError for what is loaded here of a checkpoint and is of another architecture than its settings say."""
    try:
        yield
    except (RuntimeError, ValueError, KeyError) as error:
        lines = str(error).splitlines()
        raise FeedError(
            f"the weights do not fit: {' '.join(line.strip() for line in lines[:2])[:300]}",
            found.where,
            f"weights of {found.settings.architecture}",
            "name a checkpoint of this model, or another folder with -o",
        ) from error
