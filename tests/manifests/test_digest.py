"""One recipe, one digest: whatever the order of keys, the folder, or the way a number is written."""

from __future__ import annotations

import hashlib
import json
import random
import tempfile
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests import (
    RANKS,
    SOURCE_KINDS,
    FetchRules,
    HostRules,
    Recipe,
    RecipeError,
    SourceSpec,
    canonical_json,
    load_recipe,
    recipe_digest,
    recipe_from_json,
    section_digest,
)
from manifests.checks import LICENCE_FAMILIES
from manifests.lines import key_lines
from manifests.places import spell
from manifests.toml_form import resolved_toml

names = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,8}", fullmatch=True)
lines = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
paths = st.from_regex(r"[a-z0-9.]{1,5}(/[a-zé]{1,5})?", fullmatch=True)
kinds = st.sampled_from([kind for kind in SOURCE_KINDS if kind != "eol"])


def optional(required: dict[str, Any], more: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(required, optional=more)


sources = optional(
    {"name": names, "kind": kinds, "path": paths},
    {"release": lines, "media": paths, "license": lines, "priority": st.integers(0, 1000)},
)
trees = optional(
    {"name": names, "sources": st.lists(sources, min_size=1, max_size=3, unique_by=lambda each: each["name"])},
    {
        "seed": st.integers(-(2**63), 2**63 - 1),
        "description": st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
        "benchmarks": st.lists(
            optional({"name": names, "path": paths}, {"ids": paths}), max_size=2, unique_by=lambda each: each["name"]
        ),
        "taxonomy": optional({}, {"minimum_rank": st.sampled_from(RANKS)}),
        "licences": optional({}, {"allow": st.lists(st.sampled_from(LICENCE_FAMILIES), min_size=1, unique=True)}),
        "fetch": optional(
            {},
            {
                "read_timeout": st.floats(0.1, 60) | st.integers(1, 60),
                "connect_to": st.just(["a=b:1"]),
                "host": st.dictionaries(
                    st.sampled_from(["example.org", "*.example.org", "example.org:8080", "[::1]:80"]),
                    optional({"rate": st.floats(0.1, 9) | st.integers(1, 9)}, {"connections": st.integers(1, 64)}),
                ),
            },
        ),
        "select": optional({}, {"validation_percent": st.floats(0, 100)}),
        "likeness": optional({}, {"leak_distance": st.integers(0, 256)}),
    },
)


def to_toml(tree: dict[str, Any], shuffle: random.Random) -> str:
    """Write a recipe as TOML with its keys in any order, and tables as headers or inline, as chance has it."""

    def inline(value: Any) -> str:
        if isinstance(value, dict):
            items = list(value.items())
            shuffle.shuffle(items)
            return "{" + ", ".join(f"{spell((key,))} = {inline(item)}" for key, item in items) + "}"
        if isinstance(value, list):
            return "[" + ",\n ".join(map(inline, value)) + "]"
        if isinstance(value, str):
            # JSON escapes are TOML escapes, but TOML also wants DEL escaped.
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        return json.dumps(value)

    head, tail = [], []
    items = list(tree.items())
    shuffle.shuffle(items)
    for key, value in items:
        tables = value if isinstance(value, list) else [value]
        if tables and isinstance(tables[0], dict) and shuffle.random() < 0.7:
            header = f"[[{key}]]" if isinstance(value, list) else f"[{key}] # {key} = 1"
            for table in tables:
                entries = list(table.items())
                shuffle.shuffle(entries)
                tail.append("\n".join([header, *(f"  {name} = {inline(item)}" for name, item in entries)]))
        else:
            head.append(f"{key}={inline(value)}  # [[{key}]]")
    return "\n".join([*head, *tail]) + "\n"


def load(tree: dict[str, Any], shuffle: random.Random) -> Recipe:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "recipe.toml"
        file.write_text(to_toml(tree, shuffle), encoding="utf-8", newline="")
        return load_recipe(file)


@settings(max_examples=100, deadline=None)
@given(trees, st.randoms(use_true_random=False), st.randoms(use_true_random=False))
def test_order_of_keys_and_folder_do_not_change_the_digest(
    tree: dict[str, Any], one: random.Random, other: random.Random
) -> None:
    recipe = load(tree, one)
    assert canonical_json(recipe) == canonical_json(load(tree, other))


@settings(max_examples=100, deadline=None)
@given(trees, st.randoms(use_true_random=False))
def test_a_recipe_printed_as_toml_loads_anywhere_to_the_same_recipe(
    tree: dict[str, Any], shuffle: random.Random
) -> None:
    recipe = load(tree, shuffle)
    text = resolved_toml(recipe)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "resolved.toml"
        file.write_text(text, encoding="utf-8", newline="")
        again = load_recipe(file)
    assert replace(again, folder="") == recipe
    assert canonical_json(again) == canonical_json(recipe)
    assert f"# digest {recipe_digest(recipe)}\n" in text
    assert resolved_toml(again) == text


@settings(max_examples=100, deadline=None)
@given(trees, st.randoms(use_true_random=False))
def test_canonical_json_loads_to_the_same_digest(tree: dict[str, Any], shuffle: random.Random) -> None:
    recipe = load(tree, shuffle)
    text = canonical_json(recipe)
    assert recipe_digest(recipe) == hashlib.sha256(text.encode()).hexdigest()
    assert recipe_digest(recipe_from_json(text, "/elsewhere")) == recipe_digest(recipe)
    assert recipe_digest(load(json.loads(text), shuffle)) == recipe_digest(recipe)


@settings(max_examples=100, deadline=None)
@given(trees, st.randoms(use_true_random=False))
def test_every_key_of_a_recipe_has_the_line_it_stands_on(tree: dict[str, Any], shuffle: random.Random) -> None:
    text = to_toml(tree, shuffle)
    parsed = tomllib.loads(text)
    rows = text.split("\n")
    found = key_lines(text)
    assert {path[0] for path in found} == set(parsed)
    for path, line in found.items():
        row = rows[line - 1].strip()
        if isinstance(path[-1], str):  # an item of a list may stand alone in its line
            assert path[-1] in row
        assert line >= found[path[:1]]


def test_items_of_lists_and_keys_of_inline_tables_have_their_own_line() -> None:
    text = (
        'a = [ # ]\n  "x",  # "y",\n\n  "]", [\n1,\n2]\n]\nb = {c = 1, d = [\n{e = "}"},\n{e = 2}]}\n'
        '[[t]]\nu = [\n"""\n,\n""",\n\'z\',\n]\n'
    )
    tomllib.loads(text)
    assert key_lines(text) == {
        ("a",): 1,
        ("a", 0): 2,
        ("a", 1): 4,
        ("a", 2): 4,
        ("a", 2, 0): 5,
        ("a", 2, 1): 6,
        ("b",): 8,
        ("b", "c"): 8,
        ("b", "d"): 8,
        ("b", "d", 0): 9,
        ("b", "d", 0, "e"): 9,
        ("b", "d", 1): 10,
        ("b", "d", 1, "e"): 10,
        ("t",): 11,
        ("t", 0): 11,
        ("t", 0, "u"): 12,
        ("t", 0, "u", 0): 13,
        ("t", 0, "u", 1): 16,
    }


def test_lines_are_found_behind_every_kind_of_string() -> None:
    text = (
        'a = """\n[b]\nc = 1 \\""" d\n"""""\n'  # lines 1-4
        "e = '''\nf = 1\n''''\n"  # lines 5-7
        'g = ["]", # ]\n  "}", {h = "\\"]"}]\n'  # lines 8-9
        '"i.j"."\\u006b" . \'l\' = 1\n'  # line 10
        "[[m.n]]\n[m.n.o]\np = 1\n[[m.n]]\n[m.n.o]\np = 1\n"  # lines 11-16
    )
    found = key_lines(text)
    assert tomllib.loads(text)["a"].startswith("[b]")
    expected = {("a",): 1, ("e",): 5, ("g",): 8, ("i.j", "k", "l"): 10, ("m", "n", 0, "o", "p"): 13}
    assert expected.items() <= found.items()
    assert (found["m", "n", 1], found["m", "n", 1, "o", "p"]) == (14, 16)
    assert {path[0] for path in found} == {"a", "e", "g", "i.j", "m"}


RECIPE = Recipe("demo", (SourceSpec("gbif", "gbif-dwca", "gbif.zip"),))


def test_the_digest_is_frozen() -> None:
    """A change of this value makes every finished stage of every run start again: change it knowingly."""
    assert recipe_digest(RECIPE) == "810a521a7b0e8cdefc89cc47a9edf5b1704c698af509331c37268b667f3b9b61"


def test_every_key_but_where_bytes_come_from_and_how_many_ask_is_part_of_the_digest() -> None:
    digest = recipe_digest(RECIPE)
    assert recipe_digest(replace(RECIPE, fetch=FetchRules(connect_to=("a=127.0.0.1:1",)))) == digest
    assert recipe_digest(replace(RECIPE, fetch=FetchRules(lanes=20))) == digest
    assert recipe_digest(replace(RECIPE, fetch=FetchRules(host=(HostRules("a", rate=1.0),)))) != digest
    assert recipe_digest(replace(RECIPE, fetch=FetchRules(contact="a@b.org"))) != digest
    assert recipe_digest(replace(RECIPE, seed=1)) != digest
    assert recipe_digest(replace(RECIPE, sources=(replace(RECIPE.sources[0], path="b.zip"),))) != digest


def test_a_number_is_the_same_however_it_is_written() -> None:
    same = replace(RECIPE, select=replace(RECIPE.select, validation_percent=5))
    assert recipe_digest(same) == recipe_digest(RECIPE)
    zeros = [replace(RECIPE, select=replace(RECIPE.select, validation_percent=zero)) for zero in (0.0, -0.0)]
    assert recipe_digest(zeros[0]) == recipe_digest(zeros[1])


def test_a_section_digest_sees_its_sections_alone() -> None:
    other = replace(RECIPE, image=replace(RECIPE.image, side=64))
    assert section_digest(other, ["likeness", "seed"]) == section_digest(RECIPE, ["seed", "likeness"])
    assert section_digest(other, ["image"]) != section_digest(RECIPE, ["image"])
    with pytest.raises(RecipeError, match="no section 'imag'"):
        section_digest(RECIPE, ["imag"])


@pytest.mark.parametrize("text", ["", "[", "[]", "[" * 100_000, '{"name": 1}'])
def test_json_that_is_no_recipe_is_refused(text: str) -> None:
    with pytest.raises(RecipeError):
        recipe_from_json(text, "/")
