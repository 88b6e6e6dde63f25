"""The recipe's dataclasses, read as a schema: which keys a table has, of which type, and which are required."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from manifests.places import KeyPath
from manifests.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a table."""

    name: str
    type: type[Any]
    """str, int, float, bool or a dataclass: of the value, or of its items where `many` is true."""
    many: bool
    """Whether the value is a list."""
    required: bool
    default: object
    """The default value; None where the key is required."""


def keys_of(table: type[Any]) -> Mapping[str, Key]:
    """Give the keys of a recipe dataclass in their declared order.

    >>> from manifests.recipe import LicencePolicy
    >>> [(key.name, key.type.__name__, key.many) for key in keys_of(LicencePolicy).values()]
    [('allow', 'str', True), ('allow_unknown', 'bool', False)]
    """
    hints = typing.get_type_hints(table)
    keys: dict[str, Key] = {}
    for each in dataclasses.fields(table):
        hint = hints[each.name]
        many = typing.get_origin(hint) is tuple
        if each.default_factory is not dataclasses.MISSING:
            required, default = False, each.default_factory()
        else:
            required = each.default is dataclasses.MISSING
            default = None if required else each.default
        keys[each.name] = Key(each.name, typing.get_args(hint)[0] if many else hint, many, required, default)
    return keys


def is_table(kind: type[Any]) -> bool:
    """Say whether a type is one of the recipe's dataclasses, which TOML writes as a table."""
    return dataclasses.is_dataclass(kind)


def key_at(path: KeyPath) -> Key | None:
    """Give the key that a path from the recipe's root names, list positions ignored; None where there is none.

    >>> key_at(("sources", 0, "priority")).type
    <class 'int'>
    >>> key_at(("sources", 0, "nope")) is None
    True
    """
    table: type[Any] = Recipe
    found: Key | None = None
    for part in path:
        if isinstance(part, int):
            continue
        found = keys_of(table).get(part) if is_table(table) else None
        if found is None:
            return None
        table = found.type
    return found
