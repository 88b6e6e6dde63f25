"""Load a recipe: TOML in, a checked and frozen Recipe out, or one error that says what to mend and where."""

from __future__ import annotations

import json
from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from manifests.binding import bind
from manifests.checks import check
from manifests.document import read_document
from manifests.errors import RecipeError
from manifests.overrides import apply_overrides
from manifests.paths import anchor
from manifests.places import Places
from manifests.recipe import Recipe


def load_recipe(path: str | PathLike[str], overrides: Sequence[str] = ()) -> Recipe:
    """Load a recipe file, with overrides such as 'likeness.duplicate_distance=8' applied to it.

    Paths in the recipe, and in overrides, count from the folder of the file and come back absolute; whether they
    exist is for `check_paths` to say. Types are strict: an integer may stand for a number, a boolean for nothing else.
    Raises RecipeError for a file that cannot be read, text that is not UTF-8 or TOML, an unknown or missing key, a
    value of the wrong type or outside its range, and an override that cannot be applied; the error names the file,
    line and key, or the override.

    >>> from manifests.reference import STARTER
    >>> recipe = load_recipe(STARTER, ["image.side=224"])
    >>> recipe.image.side, [source.kind for source in recipe.sources]
    (224, ['gbif-dwca', 'eol', 'bioscan5m', 'fathomnet'])
    """
    file = Path(path)
    tree, places = read_document(file)
    apply_overrides(tree, overrides, places)
    return _build(tree, file.parent, places)


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
    return _build(tree, Path(folder), Places("recipe JSON"))


def _build(tree: object, folder: Path, places: Places) -> Recipe:
    recipe = bind(Recipe, tree, (), places)
    check(recipe, places)
    return anchor(recipe, folder)
