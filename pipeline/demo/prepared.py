"""A folder that something is drawn into once, and found again by what was asked of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pipeline.model.errors import RunError
from pipeline.storage.files.atomic import read_json, write_json

_MARK = "corpus.json"


def prepare(folder: Path, asked: Mapping[str, Any], draw: Callable[[Path], object]) -> None:
    """Draw into the folder, unless an earlier call with the same `asked` did; raise RunError where it was another."""
    if (folder / _MARK).exists():
        found = read_json(folder / _MARK)
        if found != asked:
            differing = sorted(name for name in found.keys() & asked.keys() if found[name] != asked[name])
            expected = ", ".join(f"{name} {asked[name]!r}, found {found[name]!r}" for name in differing)
            raise RunError(
                "the folder holds a demo of other arguments",
                where=str(folder),
                expected=expected or "the same biota",
                remedy="name another folder, or delete this one",
            )
        return
    # Drawn beside its place and renamed, so that an interrupted drawing is never taken for a whole one.
    drawing = folder.with_name(f".tmp-{folder.name}")
    shutil.rmtree(drawing, ignore_errors=True)
    draw(drawing)
    write_json(drawing / _MARK, dict(asked))
    drawing.rename(folder)
