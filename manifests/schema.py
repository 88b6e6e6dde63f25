"""The recipe's dataclasses, read as a schema: which keys a table has, of which type, and which are required."""

from __future__ import annotations

import dataclasses
import types
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
    optional: bool = False
    """Whether the value may be left unsaid (None), which no text of a recipe can say."""
    keyed_by: str = ""
    """The key of the items that names their tables: `[fetch.host."example.org"]`; '': they are a list of tables."""


_READ: dict[type[Any], Mapping[str, Key]] = {}
"""Keys by dataclass: to read its annotations compiles each of them."""


def keys_of(table: type[Any]) -> Mapping[str, Key]:
    """Return the keys of a recipe dataclass in their declared order.

    >>> from manifests.recipe import LicencePolicy
    >>> [(key.name, key.type.__name__, key.many) for key in keys_of(LicencePolicy).values()]
    [('allow', 'str', True), ('allow_unknown', 'bool', False)]
    """
    if table not in _READ:
        _READ[table] = types.MappingProxyType(_keys_of(table))
    return _READ[table]


def _keys_of(table: type[Any]) -> dict[str, Key]:
    hints = typing.get_type_hints(table)
    keys: dict[str, Key] = {}
    # Keys that tables share are declared before their own, and come behind them.
    for each in sorted(dataclasses.fields(table), key=lambda each: bool(each.kw_only)):
        hint = hints[each.name]
        optional = isinstance(hint, types.UnionType)
        hint = typing.get_args(hint)[0] if optional else hint
        many = typing.get_origin(hint) is tuple
        kind = typing.get_args(hint)[0] if many else hint
        if each.default_factory is not dataclasses.MISSING:
            required, default = False, each.default_factory()
        else:
            required = each.default is dataclasses.MISSING
            default = None if required else each.default
        keyed_by = getattr(kind, "KEYED_BY", "") if many else ""
        keys[each.name] = Key(each.name, kind, many, required, default, optional, keyed_by)
    return keys


def is_table(kind: type[Any]) -> bool:
    """Return whether a type is one of the recipe's dataclasses, which TOML writes as a table."""
    return dataclasses.is_dataclass(kind)


def key_at(path: KeyPath) -> Key | None:
    """Return the key that a path from the recipe's root names, list positions ignored; None where there is none.

    >>> key_at(("sources", 0, "priority")).type
    <class 'int'>
    >>> key_at(("fetch", "host", "example.org", "rate")).type
    <class 'float'>
    >>> key_at(("sources", 0, "nope")) is None
    True
    """
    table: type[Any] = Recipe
    found: Key | None = None
    named = False
    for part in path:
        named = found is not None and found.keyed_by != "" and not named
        if isinstance(part, int) or named:  # the name of a table is no key
            continue
        found = keys_of(table).get(part) if is_table(table) else None
        if found is None:
            return None
        table = found.type
    return found


def tables() -> tuple[tuple[str, type[Any]], ...]:
    """Return every table of a recipe, as its header is written, with its dataclass; the recipe itself first.

    >>> [header for header, _ in tables()][:3]
    ['the top, before the first table', '[[sources]]', '[[benchmarks]]']
    """
    found: list[tuple[str, type[Any]]] = [("the top, before the first table", Recipe)]
    for key in keys_of(Recipe).values():
        if is_table(key.type):
            found.append((f"[[{key.name}]]" if key.many else f"[{key.name}]", key.type))
            named = [each for each in keys_of(key.type).values() if each.keyed_by]
            found += [(f'[{key.name}.{each.name}."{each.keyed_by.upper()}"]', each.type) for each in named]
    return tuple(found)
