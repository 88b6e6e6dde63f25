"""Paths of a recipe: absolute for those who read files, and as written for the digest.

A digest must not change when a folder with its recipe and data is moved or mounted elsewhere, yet every reader wants
absolute paths. A RecipePath is both: the string is the absolute path, and `given` is what the recipe says.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from manifests.nearness import closest
from manifests.places import KeyPath, Places
from manifests.problems import Problems
from manifests.recipe import Recipe

DEFAULT_TAXONOMY = "default"
"""The entry of taxonomy.sources that names the taxonomy shipped with the package, and no path."""

_LISTED = 1_000  # names of a folder that are read to find the one that was meant


class RecipePath(str):
    """An absolute path that remembers how the recipe writes it; it survives pickling and `dataclasses.replace`.

    >>> path = RecipePath("/data/gbif.zip", "gbif.zip")
    >>> path == "/data/gbif.zip", path.given
    (True, 'gbif.zip')
    """

    __slots__ = ("given",)
    given: str

    def __new__(cls, absolute: str, given: str) -> RecipePath:
        """Make a path of its absolute form and its writing in the recipe."""
        self = super().__new__(cls, absolute)
        self.given = given
        return self

    def __getnewargs__(self) -> tuple[str, str]:  # type: ignore[override]  # str's own takes no `given`
        return str(self), self.given


def as_given(path: str) -> str:
    """Return a path as the recipe writes it; a plain string is its own writing.

    >>> as_given("/a/b")
    '/a/b'
    """
    return path.given if isinstance(path, RecipePath) else path


def anchored(folder: Path, given: str) -> str:
    """Make a path absolute from the recipe's folder; '' (no path) and addresses with a scheme ('gs://...') stay.

    '..' is kept, because what it means depends on symbolic links.

    >>> anchored(Path("/recipes"), "./data//gbif.zip").given, anchored(Path("/recipes"), "../a.zip")
    ('data/gbif.zip', '/recipes/../a.zip')
    """
    if not given or is_remote(given):
        return RecipePath(given, given)
    written = Path(given).as_posix()
    if written == DEFAULT_TAXONOMY:
        written = f"./{written}"  # a folder of that name must not read as the shipped taxonomy
    return RecipePath(str(folder.absolute() / given), written)


def is_remote(path: str) -> bool:
    """Return whether a path is an address with a scheme, which only a file system of that scheme can check.

    >>> is_remote("gs://bucket/gbif.zip"), is_remote("data/gbif.zip")
    (True, False)
    """
    return "://" in path


def anchor(recipe: Recipe, folder: Path) -> Recipe:
    """Return the recipe with every path absolute, from the folder of its file, or the one that it states."""
    if recipe.folder:
        folder = folder / recipe.folder

    def fix(given: str) -> str:
        return anchored(folder, given)

    mirrors = tuple(
        f"{prefix}={anchored(folder, store)}" for prefix, _, store in (m.partition("=") for m in recipe.fetch.mirrors)
    )
    stated = str(folder.absolute()) if recipe.folder else ""
    return with_paths(replace(recipe, folder=stated, fetch=replace(recipe.fetch, mirrors=mirrors)), fix)


def unanchor(recipe: Recipe) -> Recipe:
    """Return the recipe with every path as its file writes it."""
    return with_paths(recipe, as_given)


def check_paths(recipe: Recipe) -> None:
    """Raise RecipeError for paths that do not exist, each with its key and a name beside it that may be meant.

    Addresses with a scheme are not checked. `load_recipe` with `files=True` also says in which line each stands.
    """
    problems = Problems(Places(""))
    check_paths_noting(recipe, problems)
    problems.refuse()


def check_paths_noting(recipe: Recipe, problems: Problems) -> None:
    """Note every path that does not exist, but for keys that are known to be wrong already."""
    for key, path in recipe_paths(recipe):
        if is_remote(path) or problems.spoilt(key):
            continue
        try:
            Path(path).stat()
        except (FileNotFoundError, NotADirectoryError):
            near = _neighbour(Path(path))
            problems.add(
                key,
                f"no such file or folder: '{path}'",
                "a file or folder that exists; relative paths begin at the folder of the recipe",
                f"did you mean '{near}'?" if near else "put the file there, or correct the key (or set it with --set)",
                aside=_source_name(recipe, key),
            )
        except OSError as error:
            problems.add(
                key,
                f"'{path}' cannot be reached: {error.strerror}",
                "a file or folder that may be read",
                "give the running user permission to read it",
                aside=_source_name(recipe, key),
            )


def with_paths(recipe: Recipe, fix: Callable[[str], str]) -> Recipe:
    """Return the recipe with every path that it names replaced by what `fix` makes of it."""
    return replace(
        recipe,
        sources=tuple(
            replace(each, path=fix(each.path), hierarchy=fix(each.hierarchy), media=fix(each.media))
            for each in recipe.sources
        ),
        withdraw=tuple(fix(each) for each in recipe.withdraw),
        benchmarks=tuple(
            replace(each, path=fix(each.path), ids=fix(each.ids), table=fix(each.table)) for each in recipe.benchmarks
        ),
        taxonomy=replace(
            recipe.taxonomy,
            sources=tuple(each if each == DEFAULT_TAXONOMY else fix(each) for each in recipe.taxonomy.sources),
        ),
        privacy=replace(recipe.privacy, threatened=fix(recipe.privacy.threatened)),
        scores=recipe.scores and tuple(replace(each, path=fix(each.path)) for each in recipe.scores),
        splits=recipe.splits
        and tuple(each if each.keys is None else replace(each, keys=fix(each.keys)) for each in recipe.splits),
    )


def recipe_paths(recipe: Recipe) -> Iterator[tuple[KeyPath, str]]:
    """Yield every path that a recipe names, with its key.

    >>> from manifests.recipe import SourceSpec
    >>> list(recipe_paths(Recipe("a", (SourceSpec("b", "eol", "c.tgz"),))))
    [(('sources', 0, 'path'), 'c.tgz')]
    """
    for position, source in enumerate(recipe.sources):
        for name, path in (("path", source.path), ("hierarchy", source.hierarchy), ("media", source.media)):
            if path:
                yield ("sources", position, name), path
    for position, listed in enumerate(recipe.withdraw):
        yield ("withdraw", position), listed
    for position, benchmark in enumerate(recipe.benchmarks):
        for name, path in (("path", benchmark.path), ("ids", benchmark.ids), ("table", benchmark.table)):
            if path:
                yield ("benchmarks", position, name), path
    for position, taxonomy in enumerate(recipe.taxonomy.sources):
        if taxonomy != DEFAULT_TAXONOMY:
            yield ("taxonomy", "sources", position), taxonomy
    if recipe.privacy.threatened:
        yield ("privacy", "threatened"), recipe.privacy.threatened
    for position, scores in enumerate(recipe.scores or ()):
        yield ("scores", position, "path"), scores.path
    for position, split in enumerate(recipe.splits or ()):
        if split.keys:
            yield ("splits", position, "keys"), split.keys


def _source_name(recipe: Recipe, key: KeyPath) -> str:
    names = {
        "sources": [source.name for source in recipe.sources],
        "benchmarks": [benchmark.name for benchmark in recipe.benchmarks],
        "scores": [scores.name for scores in recipe.scores or ()],
    }.get(str(key[0]))
    name = names[key[1]] if names and isinstance(key[1], int) else ""
    return f" ('{name}')" if name else ""


def _neighbour(path: Path) -> str:
    """Return the path of a like-named entry of the same folder; '' when there is none, or too many to look through."""
    if not path.parent.is_dir():
        return ""
    with os.scandir(path.parent) as entries:
        names = [entry.name for entry in islice(entries, _LISTED + 1)]
    near = closest(path.name, names) if len(names) <= _LISTED else ""
    return str(path.parent / near) if near else ""
