"""From a parsed tree of tables to the recipe's dataclasses: known keys only, types as declared, nothing guessed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from manifests.nearness import closest
from manifests.places import KeyPath, Places, show, spell
from manifests.problems import Problems
from manifests.schema import Key, is_table, keys_of, tables

T = TypeVar("T")

_NAMES: Mapping[type[Any], str] = {str: "a string", int: "an integer", float: "a number", bool: "true or false"}
_ABSENT: Mapping[type[Any], object] = {str: "", int: 0, float: 0.0, bool: False}
"""What stands for a value that is wrong or missing, until all errors are told."""


def bind(table: type[T], value: object, path: KeyPath, places: Places) -> T:
    """Make a recipe dataclass of a parsed TOML table.

    Lists become tuples and integers become floats where the key is a number; a boolean is never a number.
    Raises RecipeError for a value that is no table, unknown keys (with the key that was probably meant), missing
    keys, and values of the wrong type; RecipeErrors where there are several.

    >>> from manifests.recipe import ImageRules
    >>> bind(ImageRules, {"side": 224}, ("image",), Places("a.toml")).side
    224
    """
    problems = Problems(places)
    bound = bind_noting(table, value, path, problems)
    problems.refuse()
    return bound


def bind_noting(table: type[T], value: object, path: KeyPath, problems: Problems) -> T:
    """Make a recipe dataclass as `bind` does, but note what is wrong, and let an empty value stand in its place."""
    keys = keys_of(table)
    if not isinstance(value, dict):
        _wrong_type(value, "a table", path, problems)
        value = {}
    else:
        for name in value:
            if name not in keys:
                near = _unknown_key(name, value[name], table, path, problems)
                if near and near not in value:  # that it is missing is the same mistake
                    problems.spoil((*path, near))
        for key in keys.values():
            if key.required and key.name not in value and not problems.spoilt((*path, key.name)):
                problems.add(
                    (*path, key.name),
                    f"missing key '{spell((*path, key.name))}'",
                    _type_name(key),
                    f"add {_example(key)}",
                )
    bound = {name: _value(keys[name], item, (*path, name), problems) for name, item in value.items() if name in keys}
    absent = {key.name: _absent(key) for key in keys.values() if key.required}
    return table(**{**absent, **bound})


def _absent(key: Key) -> object:
    return () if key.many else _ABSENT.get(key.type)


def _value(key: Key, value: object, path: KeyPath, problems: Problems) -> object:
    if not key.many:
        return _one(key.type, value, path, problems)
    if key.keyed_by:
        return _keyed(key, value, path, problems)
    if not isinstance(value, list):
        _wrong_type(value, _type_name(key), path, problems)
        return ()
    return tuple(_one(key.type, item, (*path, position), problems) for position, item in enumerate(value))


def _keyed(key: Key, value: object, path: KeyPath, problems: Problems) -> tuple[object, ...]:
    """Make the items of tables that are named by one of their keys, in the order of their names."""
    if not isinstance(value, dict):
        _wrong_type(value, _type_name(key), path, problems)
        return ()
    items = []
    for name in sorted(value):
        here, table = (*path, name), value[name]
        if not isinstance(table, dict):
            _wrong_type(table, "a table", here, problems)
            continue
        said = {part: item for part, item in table.items() if part != key.keyed_by}
        if key.keyed_by in table:
            _unknown_key(key.keyed_by, table[key.keyed_by], key.type, here, problems)
        deeper = next((part for part, item in said.items() if isinstance(item, dict)), "")
        if deeper:  # a dot outside of quotes begins a table within the table
            meant = f'[{spell(path)}."{name}.{deeper}"]'
            problems.add(
                (*here, deeper), f"'{spell((*here, deeper))}' is a table", "a name in quotes", f"write {meant}"
            )
            continue
        items.append(_one(key.type, {key.keyed_by: name, **said}, here, problems))
    return tuple(items)


def _one(kind: type[Any], value: object, path: KeyPath, problems: Problems) -> object:
    if is_table(kind):
        bound: object = bind_noting(kind, value, path, problems)
        return bound
    if kind is float and type(value) is int and abs(value) < 1 << 53:
        return float(value)
    # `type is` and not isinstance: a bool is an int to Python, but never to a recipe.
    if type(value) is not kind:
        _wrong_type(value, _NAMES[kind], path, problems)
        return _ABSENT[kind]
    return value


def _unknown_key(name: str, value: object, table: type[Any], path: KeyPath, problems: Problems) -> str:
    """Note an unknown key; return the one that was probably meant, or ''."""
    known = [each for each in keys_of(table) if each != getattr(table, "KEYED_BY", "")]
    near = closest(name, known)
    homes = _homes(name) if name not in keys_of(table) else []
    remedies = [f"write '{near}' instead of '{name}'"] if near else []
    if 0 < len(homes) < 4:  # a word as common as 'name' points nowhere
        remedies.append(f"'{name}' belongs to {' or '.join(homes)}: write it there")
    problems.add(
        (*path, name),
        f"unknown key '{spell((*path, name))}' = {show(value)}",
        "one of " + ", ".join(known),
        "; or ".join(remedies) or "remove the key",
    )
    return near


def _homes(name: str) -> list[str]:
    """Return the tables that have a key of this name, as their headers are written."""
    own = dict(tables())
    header = next((each for each in (f"[{name}]", f"[[{name}]]") if each in own), "")
    if header:
        return [f"a table of its own, {header}"]
    return [each for each, table in own.items() if name in keys_of(table) and name != getattr(table, "KEYED_BY", "")]


def _wrong_type(value: object, expected: str, path: KeyPath, problems: Problems) -> None:
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
    problems.add(path, f"'{spell(path) or 'recipe'}' is {found}", expected, remedy)


def _type_name(key: Key) -> str:
    if key.keyed_by:
        return f"tables that are named by their {key.keyed_by}"
    if is_table(key.type):
        return "a list of tables" if key.many else "a table"
    return f"a list of {_NAMES[key.type].split(' ', 1)[1]}s" if key.many else _NAMES[key.type]


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
