"""The reference of every recipe key, written from the dataclasses themselves, and the starter recipe."""

from __future__ import annotations

import ast
import inspect
import json
from pathlib import Path
from typing import Any

from manifests import recipe
from manifests.checks import RULES
from manifests.errors import RecipeError
from manifests.nearness import closest
from manifests.recipe import Recipe
from manifests.schema import Key, is_table, keys_of
from manifests.sections import choice, select_rules, splitting

STARTER = Path(__file__).parent / "recipes" / "starter.toml"
"""The commented recipe that ships with the package, to be copied and changed."""


def describe_recipe() -> str:
    """Return the reference of all recipe keys as Markdown: type, default, allowed values and meaning of each.

    It is generated from the dataclasses of `manifests.recipe`, their attribute docstrings and the rules that check
    them, so it cannot say anything else than the loader does.

    >>> print(describe_recipe().splitlines()[0])
    # Recipe reference
    """
    docs = _attribute_docs()
    lines = ["# Recipe reference", "", *_about(Recipe), *_table(Recipe, docs)]
    for key in keys_of(Recipe).values():
        if is_table(key.type):
            lines += ["", f"## `[[{key.name}]]`" if key.many else f"## `[{key.name}]`", ""]
            lines += [*_about(key.type), *_table(key.type, docs)]
            for inner in keys_of(key.type).values():
                if is_table(inner.type):
                    lines += ["", f"## `[{key.name}.{_named(inner)}]`", ""]
                    lines += [*_about(inner.type), *_table(inner.type, docs)]
    return "\n".join(lines) + "\n"


def shipped_recipes() -> tuple[str, ...]:
    """Return the names of the recipes that come with the package.

    >>> "starter" in shipped_recipes()
    True
    """
    return tuple(sorted(path.stem for path in STARTER.parent.glob("*.toml")))


def starter_recipe(name: str = STARTER.stem) -> str:
    """Return the text of a recipe that comes with the package; without a name, of the starter.

    Raises RecipeError for a name that is none of `shipped_recipes`.

    >>> "[[sources]]" in starter_recipe()
    True
    >>> starter_recipe("../recipe")
    Traceback (most recent call last):
        ...
    manifests.errors.RecipeError: no recipe '../recipe' comes with the package
      expect: one of ...
      remedy: ...
    """
    known = shipped_recipes()
    if name not in known:
        near = closest(name, known)
        raise RecipeError(
            f"no recipe {name!r} comes with the package",
            expected=f"one of {', '.join(known)}",
            remedy=f"did you mean {near!r}?" if near else "name one of them, or none for the starter",
        )
    return (STARTER.parent / f"{name}.toml").read_text(encoding="utf-8")


def _about(table: type[Any]) -> list[str]:
    return [inspect.cleandoc(table.__doc__ or ""), ""]


def _table(table: type[Any], docs: dict[tuple[str, str], str]) -> list[str]:
    lines = ["| key | type | default | allowed | meaning |", "|---|---|---|---|---|"]
    for key in keys_of(table).values():
        rule = RULES.get((table, key.name))
        cells = (
            f"`{key.name}`",
            _type(key),
            _default(key),
            rule.expected if rule else "",
            next((docs[each.__name__, key.name] for each in table.__mro__ if (each.__name__, key.name) in docs), ""),
        )
        lines.append("| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |")
    return lines


def _type(key: Key) -> str:
    if key.keyed_by:
        return f"tables, see `[….{_named(key)}]`"
    if is_table(key.type):
        return f"tables, see `[[{key.name}]]`" if key.many else f"table, see `[{key.name}]`"
    names = {str: "string", int: "integer", float: "number", bool: "boolean"}
    return f"list of {names[key.type]}s" if key.many else names[key.type]


def _named(key: Key) -> str:
    return f'{key.name}."{key.keyed_by.upper()}"'


def _default(key: Key) -> str:
    if key.optional:
        return "not given"
    if key.required:
        return "required"
    if is_table(key.type):
        return ""
    value = list(key.default) if isinstance(key.default, tuple) else key.default
    return f"`{json.dumps(value)}`"


def _attribute_docs() -> dict[tuple[str, str], str]:
    """Read the string that follows each attribute, which Python itself does not keep."""
    docs: dict[tuple[str, str], str] = {}
    modules = (choice, recipe, select_rules, splitting)
    for node in (each for module in modules for each in ast.parse(inspect.getsource(module)).body):
        if not isinstance(node, ast.ClassDef):
            continue
        for attribute, text in zip(node.body, node.body[1:], strict=False):
            if (
                isinstance(attribute, ast.AnnAssign)
                and isinstance(attribute.target, ast.Name)
                and isinstance(text, ast.Expr)
                and isinstance(text.value, ast.Constant)
                and isinstance(text.value.value, str)
            ):
                docs[node.name, attribute.target.id] = inspect.cleandoc(text.value.value)
    return docs
