"""What is kept of a run's inputs in its folder, so that it goes on from a machine that has none of them.

`inputs/STAGE.json` says from which part of the recipe and which files a stage was to be made, and what it keeps of them
(`Stage.keep`). It is used where some of the stage's files are not on this machine, and those that are have the digests
that they had: a file that changed is never passed over for what was published before.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manifests import Recipe, is_remote, with_paths
from pipeline.model.errors import SourceError
from pipeline.storage.files.atomic import read_json, write_json
from pipeline.storage.places import Place
from pipeline.storage.places.publisher import FOLDER

if TYPE_CHECKING:
    from pipeline.stages.base import Context, Stage
    from pipeline.storage.places.publisher import Publisher


def absent_input(path: str, needed: str) -> SourceError:
    """Return the error of an input that is neither on this machine nor among what was published of it."""
    return SourceError(
        "an input is not on this machine, and the run's folder does not hold what is needed of it",
        where=path,
        expected=f"the file or folder, or {needed}",
        remedy="run the same command on a machine that has the input, or put it there",
    )


def absent_paths(stages: Iterable[Stage], recipe: Recipe) -> dict[str, list[str]]:
    """Return, by stage, the paths of the recipe that are not on this machine; stages that lack none are left out."""
    found = {
        stage.name: [path for path in stage.paths(recipe) if not is_remote(path) and not Path(path).exists()]
        for stage in stages
    }
    return {name: paths for name, paths in found.items() if paths}


def find_kept(root: Place, stages: Iterable[Stage], recipe: Recipe) -> list[Stage]:
    """Read what an earlier driver kept of the stages whose inputs are not here, into them; return those stages.

    A stage of which nothing was kept, or of another recipe, is left as it is.
    """
    stages = list(stages)
    lacking = {} if isinstance(root, Path) else absent_paths(stages, recipe)
    found = []
    for stage in stages:
        path = root / FOLDER / f"{stage.name}.json"
        if stage.name not in lacking or not path.exists():
            continue
        said = read_json(path)
        if said["recipe"] == _part(stage, recipe):
            stage.kept, stage.taken = said["kept"], said["inputs"]
            found.append(stage)
    return found


def present_paths(stages: Iterable[Stage], recipe: Recipe) -> Recipe:
    """Return the recipe without the paths that are kept, for those who look whether its paths are there."""
    kept = {path for paths in absent_paths(stages, recipe).values() for path in paths}
    return with_paths(recipe, lambda path: "" if path in kept else path)


def check_present(root: Place, stages: Iterable[Stage], context: Context) -> None:
    """Raise SourceError where one input of a stage is not here, and another is here and is not what it was."""
    for stage in stages:
        said = read_json(root / FOLDER / f"{stage.name}.json")["paths"]
        changed = [path for path, state in stage.states(context).items() if said.get(path) != state]
        if changed:
            lacking = absent_paths([stage], context.recipe)[stage.name]
            raise absent_input(lacking[0], f"{changed[0]} as it was when the run was begun, for it has changed")


def keep_inputs(stages: Iterable[Stage], context: Context, publisher: Publisher) -> None:
    """Publish what the units of stages read of this machine, and note what is needed to go on without it."""
    for stage in stages:
        if stage.taken is not None or not stage.paths(context.recipe):
            continue
        inputs = stage.inputs(context)
        stage.kept = stage.keep(context, publisher)
        said = {
            "recipe": _part(stage, context.recipe),
            "paths": stage.states(context),
            "inputs": inputs,
            "kept": stage.kept,
        }
        path = context.folder.root / FOLDER / f"{stage.name}.json"
        if not path.exists() or read_json(path) != json.loads(json.dumps(said)):
            write_json(path, said)
    publisher.tell()


def forget_kept(stage: Stage, context: Context) -> None:
    """Remove what was kept for a stage that is made of files of this machine, which nobody publishes now."""
    root = context.folder.root
    if not isinstance(root, Path) and stage.taken is None and stage.paths(context.recipe):
        (root / FOLDER / f"{stage.name}.json").unlink(missing_ok=True)


def _part(stage: Stage, recipe: Recipe) -> str:
    from pipeline.stages.base import recipe_parts

    said: dict[str, Any] = {"version": stage.version, **recipe_parts(recipe, stage.sections)}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
