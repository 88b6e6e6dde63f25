"""The vectors of a run's pictures and names by a model, for a command that goes on with them.

PyTorch is imported in the calls alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pipeline.embed.vector_files import write_names

TEMPLATES = "templates.parquet"
"""Vectors of names in sentences of one's own, several of a taxon."""


def opened(model: str, device: str, seed: int) -> Any:
    """Return the model that a name stands for, as `biomill embed --model` reads it."""
    from pipeline.embed.encoders import open_source

    return open_source(model, device, seed)


def vectors_of(run: str, out: Path, source: Any, batch: int, workers: int) -> Iterator[str]:
    """Write the vectors of all pictures of a run and of their names, those that are not there yet."""
    from pipeline.embed.compute import embed

    yield from embed(run, out, source, batch=batch, workers=workers)


def write_templates(out: Path, source: Any, text: str, ids: Sequence[str], captions: Sequence[str]) -> Path:
    """Write the vectors of captions, of which a taxon may have several, and return the file."""
    from pipeline.embed.compute import text_vectors
    from pipeline.model.errors import UsageError

    if not source.encoder.has_texts:
        raise UsageError(
            f"{source.name} has no tower of texts that has learnt names",
            expected="a model of images and texts beside --template",
            remedy="leave --template out: all but zero-shot is measured",
        )
    path = out / TEMPLATES
    write_names(path, ids, text, captions, source.name, text_vectors(source.encoder, list(captions)))
    return path
