"""One canonical JSON form and one SHA-256 of a recipe, and of the sections of it that a stage depends on.

Some things are left out on purpose. The folder (the file's, or the one it states): paths appear as the recipe writes
them, so that moving or mounting a folder with its recipe and data elsewhere changes no digest (what the files hold is
digested by those who read them). And `fetch.connect_to` and `fetch.mirrors`: they say where bytes come from, not which
bytes are asked for; and `fetch.lanes`: it says how many ask.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Container, Sequence
from typing import Any

from manifests.errors import RecipeError
from manifests.nearness import closest
from manifests.paths import unanchor
from manifests.recipe import FetchRules, Recipe
from manifests.schema import is_table, keys_of

_NOT_IDENTITY = ((Recipe, "folder"), (FetchRules, "connect_to"), (FetchRules, "mirrors"), (FetchRules, "lanes"))


def canonical_json(recipe: Recipe) -> str:
    """Return the recipe as JSON: ASCII, sorted keys, no blanks, all defaults, paths as the recipe writes them.

    `recipe_digest` is the SHA-256 of exactly this text.

    >>> from manifests.recipe import SourceSpec
    >>> canonical_json(Recipe("a", (SourceSpec("b", "eol", "c.tgz"),)))[:60]
    '{"benchmarks":[],"description":"","export":{"allow":[],"allo'
    """
    return _dump(plain_form(unanchor(recipe)))


def recipe_digest(recipe: Recipe) -> str:
    """Return the SHA-256 of the canonical JSON, in hex.

    >>> from manifests.recipe import SourceSpec
    >>> len(recipe_digest(Recipe("a", (SourceSpec("b", "eol", "c.tgz"),))))
    64
    """
    return hashlib.sha256(canonical_json(recipe).encode()).hexdigest()


def section_digest(recipe: Recipe, sections: Sequence[str]) -> str:
    """Return the SHA-256 of the named top-level keys alone, so that a stage is redone only for what it depends on.

    Order and repetition of `sections` do not matter. Raises RecipeError for a key that a recipe does not have.

    >>> from manifests.recipe import SourceSpec
    >>> recipe = Recipe("a", (SourceSpec("b", "eol", "c.tgz"),))
    >>> section_digest(recipe, ["seed", "image"]) == section_digest(recipe, ["image", "seed", "seed"])
    True
    """
    known = [name for name in keys_of(Recipe) if (Recipe, name) not in _NOT_IDENTITY]
    for section in sections:
        if section not in known:
            near = closest(section, known)
            raise RecipeError(
                f"a recipe has no section '{section}'",
                expected="one of " + ", ".join(known),
                remedy=f"write '{near}'" if near else "",
            )
    plain = plain_form(unanchor(recipe))
    return hashlib.sha256(
        _dump({section: plain[section] for section in sections if section in plain}).encode()
    ).hexdigest()


def plain_form(table: Any, left_out: Container[tuple[type[Any], str]] = _NOT_IDENTITY) -> dict[str, Any]:
    """Return a recipe dataclass as JSON types, each number in the type that its key declares, without some keys.

    >>> from manifests.recipe import SelectRules
    >>> plain_form(SelectRules(validation_percent=5))
    {'validation_percent': 5.0, 'cap_per_taxon': 0}
    """
    plain: dict[str, Any] = {}
    for key in keys_of(type(table)).values():
        if (type(table), key.name) in left_out:
            continue
        value = getattr(table, key.name)
        if value is None:  # left unsaid, as a text leaves it
            continue
        if key.keyed_by:
            named = [(getattr(item, key.keyed_by), plain_form(item, left_out)) for item in value]
            plain[key.name] = {
                name: {each: said for each, said in item.items() if each != key.keyed_by} for name, item in named
            }
            continue
        items = list(value) if key.many else [value]
        if is_table(key.type):
            items = [plain_form(item, left_out) for item in items]
        elif key.type is float:
            # A recipe built in code may hold 10 or -0.0, where a loaded one holds 10.0 or 0.0.
            items = [float(item) + 0.0 for item in items]
        plain[key.name] = items if key.many else items[0]
    return plain


def _dump(plain: dict[str, Any]) -> str:
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
