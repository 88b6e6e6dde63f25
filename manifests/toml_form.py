"""A recipe as TOML again: every key with the value that holds, so that it can be read, kept, changed and run."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from manifests.digest import plain_form, recipe_digest
from manifests.paths import RecipePath, recipe_paths, unanchor
from manifests.recipe import Recipe
from manifests.schema import Key, is_table, keys_of

_WIDTH = 100  # a list that fits stands in one line


def resolved_toml(recipe: Recipe) -> str:
    """Return the recipe as TOML, with all defaults, and with its digest in a comment.

    Loaded again, from any folder, it is the same recipe with the same digest: paths stand as the recipe writes them,
    and where one of them is relative, `folder` says where it begins.

    >>> from manifests.recipe import SourceSpec
    >>> print(resolved_toml(Recipe("a", (SourceSpec("b", "eol", "c.tgz"),))))  # doctest: +ELLIPSIS
    # A recipe with every key that holds. What is marked as default was not stated.
    # digest ...
    name = "a"
    seed = 0  # default
    ...
    """
    given = plain_form(unanchor(recipe), left_out=())
    given["folder"] = _folder(recipe)
    parts = [
        "# A recipe with every key that holds. What is marked as default was not stated.",
        f"# digest {recipe_digest(recipe)}",
        *_values(Recipe, given),
    ]
    for key in keys_of(Recipe).values():
        if not is_table(key.type):
            continue
        said = given.get(key.name)  # None: a table that is left unsaid
        for table in (said if key.many else [said]) if said is not None else ():
            header = f"[[{key.name}]]" if key.many else f"[{key.name}]"
            parts += ["", f"# {_meaning(key.type)}", header, *_values(key.type, table)]
            for inner in keys_of(key.type).values():
                for name in table[inner.name] if inner.keyed_by else ():
                    rules = {each: value for each, value in table[inner.name][name].items() if value is not None}
                    parts += ["", _toml({key.name: {inner.name: {name: rules}}})]
    return "\n".join(parts) + "\n"


def _values(table: type[Any], given: dict[str, Any]) -> list[str]:
    """Return a line for each key of a table that holds no tables itself."""
    return [
        _line(key, given[key.name])
        for key in keys_of(table).values()
        if not is_table(key.type) and given.get(key.name) is not None
    ]


def _toml(table: dict[str, Any]) -> str:
    import tomli_w  # who only reads recipes, as a feed in a trainer's own environment does, needs none

    return tomli_w.dumps(table).rstrip("\n")


def _line(key: Key, value: object) -> str:
    text = _toml({key.name: value})
    short = " ".join(line.strip() for line in text.splitlines()).replace("[ ", "[", 1).removesuffix(", ]")
    if text.endswith("]") and key.many and value and len(short) < _WIDTH:
        text = f"{short}]"
    default = list(key.default) if isinstance(key.default, tuple) else key.default
    return f"{text}  # default" if not key.required and value == default else text


def _meaning(table: type[Any]) -> str:
    """Return the first sentence of a table's docstring."""
    return " ".join(inspect.cleandoc(table.__doc__ or "").split("\n\n")[0].split())


def _folder(recipe: Recipe) -> str:
    """Return the folder from which the recipe's relative paths count; '' where it has none."""
    for _, path in recipe_paths(recipe):
        if isinstance(path, RecipePath) and path.given and str(path) != path.given:
            written = Path(path.given).as_posix()
            return str(path) if written == "." else str(path).removesuffix(written).rstrip("/") or "/"
    return ""
