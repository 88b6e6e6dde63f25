"""Training recipes: TOML files of settings, those that ship (`manifests/training/`) by name."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from manifests.nearness import closest
from pipeline.model.errors import UsageError
from pipeline.train.settings import Settings


def shipped() -> tuple[str, ...]:
    """Return the names of the recipes that ship.

    >>> shipped()
    ('bioclip', 'bioclip2', 'biotrove_clip', 'tiny')
    """
    folder = files("manifests") / "training"
    return tuple(sorted(each.name.removesuffix(".toml") for each in folder.iterdir() if each.name.endswith(".toml")))


def recipe_text(name: str) -> str:
    """Return a shipped recipe as it is written; raise UsageError for a name that is none."""
    if name not in shipped():
        near = closest(name, shipped())
        raise UsageError(
            f"there is no training recipe {name!r}",
            expected=f"a TOML file, or one of {', '.join(shipped())}",
            remedy=f"write {near!r}" if near else "",
        )
    return (files("manifests") / "training" / f"{name}.toml").read_text(encoding="utf-8")


def read_settings(recipe: str, changes: Iterable[str] = ()) -> Settings:
    """Return the settings of a recipe, a shipped one or a TOML file, with changes such as 'steps=20' made to them.

    '' for the defaults. Raises UsageError for a file that cannot be read, unknown names and wrong values.

    >>> read_settings("bioclip2", ["batch=4096", 'text=["sci"]']).text
    ('sci',)
    """
    values: dict[str, Any] = {}
    if recipe:
        where = recipe if recipe.endswith(".toml") else f"the recipe {recipe}"
        text = _read(recipe) if recipe.endswith(".toml") else recipe_text(recipe)
        try:
            values = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise UsageError(f"the recipe is no TOML: {error}", where, "lines such as steps = 300") from error
        Settings.of(values, where)
    named: dict[str, Any] = {}
    for change in changes:
        name, equals, value = change.partition("=")
        if not equals:
            raise UsageError(f"{change!r} sets nothing", expected="NAME=VALUE, such as steps=300")
        named[name.strip()] = _value(value)
    settings = Settings.of({**values, **named})
    settings.check()
    _check_replay(settings, named)
    return settings


def _check_replay(settings: Settings, named: Mapping[str, Any]) -> None:
    """Raise UsageError where a change names one half of a replay, and the other is nowhere: it would do nothing.

    A recipe may have one half, as its user names the other; a change that sets a half to nothing leaves replay out.
    """
    if named.get("replay") and not settings.replay_batch and "replay_batch" not in named:
        raise UsageError(
            f"the replay {settings.replay} is named, and of how many pairs a step is not",
            expected="replay_batch of 1 or more",
            remedy="add --set replay_batch=N",
        )
    if named.get("replay_batch") and not settings.replay and "replay" not in named:
        raise UsageError(
            f"replay_batch is {settings.replay_batch:,}, and no replay is named",
            expected="a run, or WebDataset tars of jpg and txt",
            remedy="add --replay WHERE",
        )


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text.strip()


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the recipe cannot be read: {error}", path, "a TOML file of settings") from error
