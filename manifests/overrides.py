"""Overrides of single keys from the command line: `--set likeness.duplicate_distance=8`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from typing import Any

from manifests.errors import RecipeError
from manifests.nearness import closest
from manifests.places import KeyPath, Places, spell
from manifests.schema import Key, key_at, keys_of

_PART = re.compile(r"([A-Za-z0-9_-]+)((?:\[\d{1,6}\])?)")
_DOTTED = re.compile(r"""(?:"[^"]*"|'[^']*'|[^."'])*""")
_NAMED_LISTS = ("sources", "benchmarks")


def apply_overrides(tree: dict[str, Any], overrides: Sequence[str], places: Places) -> None:
    """Set keys of a parsed recipe, in place and in order, and note each override as the place of its key.

    An override is `key=value`. The key is dotted; an entry of `sources` and `benchmarks` is addressed by its name
    (`sources.gbif.path`) or position (`sources[0].path`), and a host's table by its pattern, with or without quotes
    (`fetch.host."*.example.org".rate`, `fetch.host.example.org.rate`). The value is TOML; where the key wants a string,
    or the value is not TOML, the text itself is the value, so that a shell needs no quotes. Paths count from the
    recipe's folder, as in the file.
    Raises RecipeError, which names the override as the place, for a missing '=', a key that cannot be read and an
    entry that the recipe does not have. Unknown keys and wrong values are left to the checks that follow.

    >>> tree = {"name": "a", "sources": [{"name": "gbif"}]}
    >>> apply_overrides(tree, ["sources.gbif.path=b.zip", "likeness.duplicate_distance=8"], Places("a.toml"))
    >>> tree["sources"], tree["likeness"]
    ([{'name': 'gbif', 'path': 'b.zip'}], {'duplicate_distance': 8})
    """
    for override in overrides:
        place = place_of(override)
        key, equals, text = override.partition("=")
        if not equals:
            raise RecipeError("the override has no '='", place, "key=value", "such as likeness.duplicate_distance=8")
        path = _path(key.strip(), tree, place)
        for made in _set(tree, path, _value(text.strip(), key_at(path)), place):
            places.override(made, place)


def place_of(override: str) -> str:
    """Return how an override is named as the place of an error.

    >>> place_of("image.side=3")
    '--set image.side=3'
    """
    return f"--set {override}"


def _path(key: str, tree: dict[str, Any], place: str) -> KeyPath:
    path: KeyPath = ()
    parts = _parts(key)
    position = 0
    while position < len(parts):
        held = key_at(path) if path else None
        if held is not None and held.keyed_by:
            return (*path, *_named(parts[position:], held))
        found = _PART.fullmatch(parts[position])
        if found is None:
            raise RecipeError(
                f"the override's key cannot be read: '{key}'", place, "names joined by dots, such as fetch.contact"
            )
        name, index = found.groups()
        path = (*path, name)
        if index:
            path = (*path, int(index[1:-1]))
        elif not path[:-1] and name in _NAMED_LISTS and position + 1 < len(parts):
            position += 1
            path = (*path, _entry(name, parts[position], tree, place))
        position += 1
    return path


def _parts(key: str) -> list[str]:
    """Cut a key at its dots, but for those in quotes, which stay with their part.

    >>> _parts('fetch.host."*.example.org".rate')
    ['fetch', 'host', '"*.example.org"', 'rate']
    """
    parts, at = [], 0
    while True:
        found = _DOTTED.match(key, at)
        assert found is not None  # it matches nothing, too
        parts.append(found.group())
        at = found.end()
        if at >= len(key):
            return parts
        if key[at] != ".":  # a quote without its other end
            return [key]
        at += 1


def _named(parts: list[str], held: Key) -> KeyPath:
    """Return the name of a table, and the key in it where one is named: a pattern has dots of its own."""
    unquoted = [part[1:-1] if part[:1] in ("'", '"') and part[-1:] == part[:1] else part for part in parts]
    ends_with_key = len(parts) > 1 and (parts[-1] in keys_of(held.type) or unquoted[0] != parts[0])
    if ends_with_key:
        return (".".join(unquoted[:-1]), unquoted[-1])
    return (".".join(unquoted),)


def _entry(key: str, name: str, tree: dict[str, Any], place: str) -> int:
    """Return the position of a named entry of a list of tables."""
    entries = tree.get(key, [])
    names = [each.get("name") for each in entries if isinstance(each, dict)] if isinstance(entries, list) else []
    if name not in names:
        known = [each for each in names if isinstance(each, str)]
        near = closest(name, known)
        raise RecipeError(
            f"no entry of '{key}' is named '{name}'",
            place,
            "one of " + ", ".join(known) if known else f"a recipe with [[{key}]] tables",
            f"write '{key}.{near}'" if near else "",
        )
    return next(at for at, each in enumerate(entries) if isinstance(each, dict) and each.get("name") == name)


def _value(text: str, key: Key | None) -> object:
    try:
        parsed = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):  # not TOML, so it is the bare string that people type at a shell
        return text
    if parsed.keys() != {"value"}:  # a line break in the text began a second key
        return text
    value: object = parsed["value"]
    wants_string = key is not None and key.type is str and not key.many
    return text if wants_string and not isinstance(value, str) else value


def _set(tree: dict[str, Any], path: KeyPath, value: object, place: str) -> list[KeyPath]:
    """Set a key and give it, with the tables that had to be made for it."""
    *parents, last = path
    holder: Any = tree
    made = [path]
    for depth, part in enumerate(parents):
        if isinstance(holder, dict) and isinstance(part, str):
            if part not in holder:
                made.append(path[: depth + 1])
            holder = holder.setdefault(part, {})
        elif isinstance(holder, list) and isinstance(part, int) and part < len(holder):
            holder = holder[part]
        else:
            raise _unreachable(path[: depth + 1], place)
    in_table = isinstance(holder, dict) and isinstance(last, str)
    in_list = isinstance(holder, list) and isinstance(last, int) and last < len(holder)
    if not in_table and not in_list:
        raise _unreachable(path, place)
    holder[last] = value
    return made


def _unreachable(path: KeyPath, place: str) -> RecipeError:
    return RecipeError(
        f"the recipe has no place for '{spell(path)}'", place, "a key of a table, or a position in a list that exists"
    )
