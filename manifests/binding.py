"""From a parsed tree of tables to the recipe's dataclasses: known keys only, types as declared, nothing guessed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from manifests.errors import RecipeError
from manifests.places import KeyPath, Places, closest, show, spell
from manifests.schema import Key, is_table, keys_of

T = TypeVar("T")

_NAMES: Mapping[type[Any], str] = {str: "a string", int: "an integer", float: "a number", bool: "true or false"}


def bind(table: type[T], value: object, path: KeyPath, places: Places) -> T:
    """Make a recipe dataclass of a parsed TOML table.

    Lists become tuples and integers become floats where the key is a number; a boolean is never a number.
    Raises RecipeError for a value that is no table, an unknown key (with the key that was probably meant), a missing
    key, and a value of the wrong type.

    >>> from manifests.recipe import ImageRules
    >>> bind(ImageRules, {"side": 224}, ("image",), Places("a.toml")).side
    224
    """
    if not isinstance(value, dict):
        raise _wrong_type(value, "a table", path, places)
    keys = keys_of(table)
    for name in value:
        if name not in keys:
            raise _unknown_key(name, value[name], table, path, places)
    for key in keys.values():
        if key.required and key.name not in value:
            raise places.error(
                path,
                f"missing key '{spell((*path, key.name))}'",
                _type_name(key),
                f"add {_example(key)}",
            )
    return table(**{name: _value(keys[name], value[name], (*path, name), places) for name in value})


def _value(key: Key, value: object, path: KeyPath, places: Places) -> object:
    if not key.many:
        return _one(key.type, value, path, places)
    if key.keyed_by:
        return _keyed(key, value, path, places)
    if not isinstance(value, list):
        raise _wrong_type(value, _type_name(key), path, places)
    return tuple(_one(key.type, item, (*path, position), places) for position, item in enumerate(value))


def _keyed(key: Key, value: object, path: KeyPath, places: Places) -> tuple[object, ...]:
    """Make the items of tables that are named by one of their keys, in the order of their names."""
    if not isinstance(value, dict):
        raise _wrong_type(value, _type_name(key), path, places)
    items = []
    for name in sorted(value):
        here, table = (*path, name), value[name]
        if not isinstance(table, dict):
            raise _wrong_type(table, "a table", here, places)
        if key.keyed_by in table:
            raise _unknown_key(key.keyed_by, table[key.keyed_by], key.type, here, places)
        deeper = next((part for part, item in table.items() if isinstance(item, dict)), "")
        if deeper:  # a dot outside of quotes begins a table within the table
            meant = f'[{spell(path)}."{name}.{deeper}"]'
            raise places.error(
                (*here, deeper), f"'{spell((*here, deeper))}' is a table", "a name in quotes", f"write {meant}"
            )
        items.append(_one(key.type, {key.keyed_by: name, **table}, here, places))
    return tuple(items)


def _one(kind: type[Any], value: object, path: KeyPath, places: Places) -> object:
    if is_table(kind):
        bound: object = bind(kind, value, path, places)
        return bound
    if kind is float and type(value) is int and abs(value) < 1 << 53:
        return float(value)
    # `type is` and not isinstance: a bool is an int to Python, but never to a recipe.
    if type(value) is not kind:
        raise _wrong_type(value, _NAMES[kind], path, places)
    return value


def _unknown_key(name: str, value: object, table: type[Any], path: KeyPath, places: Places) -> RecipeError:
    known = [each for each in keys_of(table) if each != getattr(table, "KEYED_BY", "")]
    near = closest(name, known)
    return places.error(
        (*path, name),
        f"unknown key '{spell((*path, name))}' = {show(value)}",
        "one of " + ", ".join(known),
        f"write '{near}' instead of '{name}'" if near else "remove the key",
    )


def _wrong_type(value: object, expected: str, path: KeyPath, places: Places) -> RecipeError:
    found = f"{_describe(value)} ({show(value)})"
    remedy = ""
    if expected == _NAMES[str] and isinstance(value, int | float):
        remedy = f"put it in quotes: {show(str(value))}"
    elif expected.startswith("a list") and isinstance(value, str):
        remedy = f"put it in a list: [{show(value)}]"
    elif isinstance(value, str) and expected in _NAMES.values():
        remedy = "write it without quotes"
    elif isinstance(value, dict) and expected == "a list of tables":
        remedy = f"begin it with [[{spell(path)}]], in double brackets"
    return places.error(path, f"'{spell(path) or 'recipe'}' is {found}", expected, remedy)


def _type_name(key: Key) -> str:
    if key.keyed_by:
        return f"tables that are named by their {key.keyed_by}"
    if is_table(key.type):
        return "a list of tables" if key.many else "a table"
    return "a list of strings" if key.many else _NAMES[key.type]


def _example(key: Key) -> str:
    if key.many and is_table(key.type):
        return f"at least one [[{key.name}]] table"
    return f'{key.name} = "..."' if key.type is str else f"{key.name} = ..."


def _describe(value: object) -> str:
    if isinstance(value, bool):
        return "a boolean"
    for kind, name in (
        (dict, "a table"),
        (list, "a list"),
        (str, "a string"),
        (int, "an integer"),
        (float, "a number"),
    ):
        if isinstance(value, kind):
            return name
    return "a date or time"
