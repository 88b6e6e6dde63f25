"""Where in a recipe a key stands: its dotted spelling, its line, or the override that set it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from manifests.errors import RecipeError

KeyPath = tuple[str | int, ...]
"""A key from the root of the recipe: table names and list positions, such as ('sources', 1, 'path')."""

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SHOWN = 80  # characters of a value that a message quotes; a recipe may hold a pasted file by mistake


def spell(path: KeyPath) -> str:
    """Spell a key as people write it.

    >>> spell(("sources", 1, "path")), spell(("fetch", "per host"))
    ('sources[1].path', 'fetch."per host"')
    """
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            bare = part if _BARE_KEY.fullmatch(part) else json.dumps(part, ensure_ascii=False)
            text += f".{bare}" if text else bare
    return text


def show(value: object) -> str:
    """Return a value as TOML writes it, cut after 80 characters.

    >>> show(True), show("a"), show([1, 2])
    ('true', '"a"', '[1, 2]')
    """
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


@dataclass(slots=True)
class Places:
    """The file, the lines of its keys, and the overrides that replaced some of them."""

    file: str
    """The recipe file as the caller named it."""
    lines: dict[KeyPath, int] = field(default_factory=dict)
    """Line of each key that the file states, from 1."""
    overrides: dict[KeyPath, str] = field(default_factory=dict)
    """The override, as it was given, that set each key."""

    def override(self, path: KeyPath, text: str) -> None:
        """Note that an override set a key, and with it everything that the file states below the key."""
        self.lines = {key: line for key, line in self.lines.items() if key[: len(path)] != path}
        self.overrides[path] = text

    def where(self, path: KeyPath, *others: KeyPath) -> str:
        """Return where a key was stated: the override, or the file with line (of the nearest table) and key.

        `others` are keys that share the blame; an override among them is named in place of the file.

        >>> places = Places("a.toml", {("image",): 3, ("image", "side"): 4}, {("seed",): "--set seed=x"})
        >>> places.where(("image", "side")), places.where(("image", "rule")), places.where(("seed",))
        ('a.toml, line 4, key image.side', 'a.toml, line 3, key image.rule', '--set seed=x')
        """
        for candidate in (path, *others):
            if candidate in self.overrides:
                return self.overrides[candidate]
        for candidate in (path, *others):
            for prefix in prefixes(candidate):
                if prefix in self.overrides:
                    return self.overrides[prefix]
                if prefix in self.lines:
                    break  # the file states something nearer to the key than any override does
        line = self.line(path)
        parts = [self.file, f"line {line}" if line else "", f"key {spell(path)}" if path else ""]
        return ", ".join(part for part in parts if part)

    def line(self, path: KeyPath) -> int:
        """Return the line of a key, or of the nearest table around it that the file states; 0 where there is none.

        >>> Places("a.toml", {("image",): 3}).line(("image", "side"))
        3
        """
        return next((self.lines[prefix] for prefix in prefixes(path) if prefix in self.lines), 0)

    def error(
        self, path: KeyPath, what: str, expected: str = "", remedy: str = "", others: tuple[KeyPath, ...] = ()
    ) -> RecipeError:
        """Make the error of one key."""
        return RecipeError(what, self.where(path, *others), expected, remedy)


def prefixes(path: KeyPath) -> Iterable[KeyPath]:
    """Return the key and the tables that hold it, innermost first.

    >>> list(prefixes(("image", "side")))
    [('image', 'side'), ('image',)]
    """
    return (path[:end] for end in range(len(path), 0, -1))
