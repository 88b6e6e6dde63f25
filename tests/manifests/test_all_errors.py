"""All errors of a recipe at once, in the order of its lines, each with place, value and remedy."""

from __future__ import annotations

import os
import pickle
import re
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests import RecipeError, RecipeErrors, load_recipe
from manifests.checks import RULES
from manifests.recipe import Recipe
from manifests.schema import is_table, keys_of

NEWCOMER = """\
name = "My birds"
contact = "me@example.org"
[[sources]]
name = "gbif"
kind = "gbif-dwc"
path = "gbif.zip"
[[sources]]
name = "gbif"
kind = "eol"
pth = "eol.tgz"
hierarchy = ["dh.zip"]
[licences]
allow = [
  "CC0",
  "CC-BY-4.0",
]
[taxonomy]
sources = ["default",
  "col.zip"]
[[benchmarks]]
name = "rare"
path = "shipped://rare-specie"
[select]
test_percent = 5
[image]
quality = 200
"""


def errors(file: Path, *overrides: str, files: bool = True) -> list[RecipeError]:
    with pytest.raises(RecipeError) as caught:
        load_recipe(file, overrides, files=files)
    return list(caught.value.errors) if isinstance(caught.value, RecipeErrors) else [caught.value]


def test_every_kind_of_error_is_told_at_once_in_the_order_of_lines(tmp_path: Path) -> None:
    file = tmp_path / "my.toml"
    file.write_text(NEWCOMER)
    found = errors(file, "image.side=0", "limits.memory=64")
    told = [(match[1] if (match := re.search(r"line (\d+)", each.where)) else each.where, each.what) for each in found]
    assert told == [
        ("1", "'name' is \"My birds\""),
        ("2", "unknown key 'contact' = \"me@example.org\""),
        ("5", "'sources[0].kind' is \"gbif-dwc\""),
        ("6", f"no such file or folder: '{tmp_path}/gbif.zip'"),
        ("8", "'sources[1].name' is \"gbif\", which is also the name of sources[0]"),
        ("10", "unknown key 'sources[1].pth' = \"eol.tgz\""),
        ("11", "'sources[1].hierarchy' is a list ([\"dh.zip\"])"),
        ("15", "'licences.allow[1]' is \"CC-BY-4.0\""),
        ("19", f"no such file or folder: '{tmp_path}/col.zip'"),
        ("22", "no benchmark of this name comes with the package: 'shipped://rare-specie'"),
        ("24", "unknown key 'select.test_percent' = 5"),
        ("26", "'image.quality' is 200"),
        ("--set image.side=0", "'image.side' is 0"),
        ("--set limits.memory=64", "unknown key 'limits.memory' = 64"),
    ]
    assert all(each.expected for each in found)
    remedies = [each.remedy for each in found]
    assert remedies[1] == "'contact' belongs to [fetch]: write it there"
    assert remedies[5] == "write 'path' instead of 'pth'"
    assert "rare-species" in remedies[9]
    assert remedies[10] == "remove the key"
    assert remedies[13] == "write 'memory_mb' instead of 'memory'"


def test_the_message_counts_them_and_survives_pickling(tmp_path: Path) -> None:
    file = tmp_path / "my.toml"
    file.write_text(NEWCOMER)
    with pytest.raises(RecipeErrors) as caught:
        load_recipe(file)
    text = str(caught.value)
    assert text.startswith(f"{len(caught.value.errors)} errors in {file}\n\n")
    assert text.count("  where:  ") == len(caught.value.errors) == 10
    assert str(pickle.loads(pickle.dumps(caught.value))) == text


@pytest.mark.parametrize(
    ("text", "home"),
    [
        ("[select]\ncontact = 'x'\n", "[fetch]"),
        ("[fetch]\nseed = 3\n", "the top, before the first table"),
        ("[fetch]\nimage = 3\n", "a table of its own, [image]"),
        ("[fetch]\nsources = []\n", "a table of its own, [[sources]]"),
        ("[image]\nrate = 3\n", '[fetch.host."PATTERN"]'),
        ("[image]\nunseen_species = true\n", "[[benchmarks]]"),
        ("[image]\nallow = []\n", "[licences] or [export]"),
        ("[image]\npath = 'x'\n", "[[sources]] or [[benchmarks]] or [[scores]]"),
    ],
)
def test_a_key_of_another_table_is_pointed_there(text: str, home: str, tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text('name = "a"\n[[sources]]\nname = "b"\nkind = "eol"\npath = "a.toml"\n' + text)
    (error,) = errors(file)
    assert f"belongs to {home}: write it there" in error.remedy
    assert ", line 7," in error.where


def test_paths_are_told_with_their_line_even_where_other_keys_are_wrong(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text('name = "a"\nseed = "x"\n[[sources]]\nname = "b"\nkind = "eol"\npath = "no.tgz"\nmedia = ""\n')
    (tmp_path / "nos.tgz").touch()
    seed, path = errors(file)
    assert (seed.where, path.where) == (f"{file}, line 2, key seed", f"{file}, line 6, key sources[0].path ('b')")
    assert path.remedy == f"did you mean '{tmp_path / 'nos.tgz'}'?"
    assert len(errors(file, files=False)) == 1


def tables() -> list[tuple[str, type]]:
    return [(key.name, key.type) for key in keys_of(Recipe).values() if is_table(key.type) and not key.many]


WRONG = [(table, key.name) for table, kind in tables() for key in keys_of(kind).values() if not is_table(key.type)]
"""Every key of a table of which there is one."""


@settings(max_examples=60)
@given(st.lists(st.sampled_from(WRONG), min_size=1, max_size=8, unique=True), st.randoms(use_true_random=False))
def test_any_keys_that_are_wrong_together_are_all_told(wrong: list[tuple[str, str]], shuffle: object) -> None:
    by_table: dict[str, list[str]] = {}
    for table, key in wrong:
        by_table.setdefault(table, []).append(key)
    text = 'name = "a"\n[[sources]]\nname = "b"\nkind = "eol"\npath = "c"\n'
    lines = {}
    for table, keys in by_table.items():
        text += f"[{table}]\n"
        for key in keys:
            text += f"{key} = 2024-01-01\n"  # a date is never right
            lines[f"{table}.{key}"] = text.count("\n")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "a.toml")
        file.write_text(text)
        found = errors(file, files=False)
    assert [each.where.partition(", ")[2] for each in found] == [
        f"line {line}, key {key}" for key, line in lines.items()
    ]
    assert all("2024-01-01" in each.what and each.expected for each in found)


def test_every_ruled_key_exists() -> None:
    for table, name in RULES:
        assert name in keys_of(table)


def test_a_recipe_from_a_stream_counts_from_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "c").touch()
    fifo = tmp_path / "sub" / "recipe.fifo"
    fifo.parent.mkdir()
    os.mkfifo(fifo)
    monkeypatch.chdir(tmp_path)
    text = 'name = "a"\n[[sources]]\nname = "b"\nkind = "eol"\npath = "c"\n'
    writer = threading.Thread(target=fifo.write_text, args=(text,))
    writer.start()
    recipe = load_recipe(fifo, files=True)
    writer.join()
    assert recipe.sources[0].path == str(tmp_path / "c")


def test_a_stated_folder_is_where_paths_begin(tmp_path: Path) -> None:
    (tmp_path / "data" / "deep").mkdir(parents=True)
    (tmp_path / "data" / "deep" / "c").touch()
    text = '[[sources]]\nname = "b"\nkind = "eol"\npath = "c"\n'
    for folder in ("data/deep", str(tmp_path / "data" / "deep")):
        (tmp_path / "a.toml").write_text(f'name = "a"\nfolder = "{folder}"\n{text}')
        recipe = load_recipe(tmp_path / "a.toml", files=True)
        assert recipe.sources[0].path == str(tmp_path / "data" / "deep" / "c")
        assert recipe.folder == str(tmp_path / "data" / "deep")
