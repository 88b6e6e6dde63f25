"""Load a recipe: TOML in, a checked and frozen Recipe out, or one error that says what to mend and where."""

from __future__ import annotations

import json
from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from manifests.benchmark import SHIPPED, unknown_shipped
from manifests.binding import bind_noting
from manifests.checks import check_noting
from manifests.document import read_document
from manifests.errors import RecipeError
from manifests.overrides import apply_overrides, place_of
from manifests.paths import anchor, check_paths_noting
from manifests.places import Places
from manifests.problems import Problems
from manifests.recipe import Recipe


def load_recipe(path: str | PathLike[str], overrides: Sequence[str] = (), *, files: bool = False) -> Recipe:
    """Load a recipe file, with overrides such as 'likeness.duplicate_distance=8' applied to it.

    `-` is standard input. Paths in the recipe, and in overrides, count from the folder of the file (of standard input,
    from the working folder), or from the `folder` that it states, and come back absolute; whether they exist is for
    `check_paths` to say, or told with everything else where `files` is true. Types are strict: an integer may stand
    for a number, a boolean for nothing else.
    Raises RecipeError for a file that cannot be read, text that is not UTF-8 or TOML, unknown or missing keys, values
    of the wrong type or outside their range, and overrides that cannot be applied; RecipeErrors where there are
    several. Each names file, line and key, or the override.

    >>> from manifests.reference import STARTER
    >>> recipe = load_recipe(STARTER, ["image.side=224"])
    >>> recipe.image.side, [source.kind for source in recipe.sources]
    (224, ['gbif-dwca', 'eol', 'bioscan5m', 'fathomnet'])
    """
    file = Path(path)
    tree, places = read_document(file)
    problems = Problems(places, [place_of(each) for each in overrides])
    for override in overrides:
        try:
            apply_overrides(tree, [override], places)
        except RecipeError as error:
            problems.note(error)
    return _build(tree, _folder(file), problems, files)


def recipe_from_json(text: str, folder: str | PathLike[str]) -> Recipe:
    """Load the canonical JSON of a recipe again, its paths counted from `folder`; the digest is the same.

    Raises RecipeError as `load_recipe` does.

    >>> from manifests.digest import canonical_json
    >>> from manifests.reference import STARTER
    >>> text = canonical_json(load_recipe(STARTER))
    >>> canonical_json(recipe_from_json(text, "/elsewhere")) == text
    True
    """
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RecipeError(
            f"the recipe is not valid JSON: {error}", "recipe JSON", "the canonical JSON of a recipe"
        ) from error
    return _build(tree, Path(folder), Problems(Places("recipe JSON")))


def _folder(file: Path) -> Path:
    """Return where paths of a recipe count from; a stream, such as /dev/stdin, has no folder but ours."""
    return file.parent if file.is_file() and file.parts[:2] not in (("/", "dev"), ("/", "proc")) else Path()


def _build(tree: object, folder: Path, problems: Problems, files: bool = False) -> Recipe:
    recipe = bind_noting(Recipe, tree, (), problems)
    check_noting(recipe, problems)
    anchored = anchor(recipe, folder)
    if files:
        check_paths_noting(anchored, problems)
    for position, benchmark in enumerate(recipe.benchmarks):
        path = ("benchmarks", position, "path")
        if benchmark.path.startswith(SHIPPED) and not problems.spoilt(path):
            unknown_shipped(benchmark.path, path, problems)
    problems.refuse()
    return anchored
