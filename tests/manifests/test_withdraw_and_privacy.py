"""The recipe's lists of withdrawals and its rules on places."""

from __future__ import annotations

from pathlib import Path

import pytest

from manifests import RecipeError, canonical_json, check_paths, load_recipe

SOURCE = '\n[[sources]]\nname = "a"\nkind = "lila"\npath = "a.csv"\n'


def load(folder: Path, top: str, tables: str = "") -> None:
    (folder / "a.csv").touch()
    (folder / "r.toml").write_text(f'name = "r"\n{top}{SOURCE}{tables}')
    check_paths(load_recipe(folder / "r.toml"))


def test_lists_are_paths_that_exist_and_move_with_the_recipe(tmp_path: Path) -> None:
    (tmp_path / "w.csv").touch()
    load(tmp_path, 'withdraw = ["w.csv"]', '[privacy]\ncoordinates = "0.1"\nthreatened = "w.csv"')
    recipe = load_recipe(tmp_path / "r.toml")
    assert recipe.withdraw == (str(tmp_path / "w.csv"),) and recipe.privacy.threatened == str(tmp_path / "w.csv")
    assert '"privacy":{"coordinates":"0.1","threatened":"w.csv"}' in canonical_json(recipe)
    for top, tables, key in (
        ('withdraw = ["x.csv"]', "", r"withdraw\[0\]"),
        ("", '[privacy]\nthreatened = "x.csv"', "privacy.threatened"),
        ('withdraw = ["w.csv", "w.csv"]', "", "twice"),
        ('withdraw = ""', "", "withdraw"),
    ):
        with pytest.raises(RecipeError, match=key):
            load(tmp_path, top, tables)


@pytest.mark.parametrize("value", ['"0.01"', '"EXACT"', '"0,1"', "true", '""'])
def test_only_the_three_rules_are_known(tmp_path: Path, value: str) -> None:
    with pytest.raises(RecipeError, match=r"privacy\.coordinates"):
        load(tmp_path, "", f"[privacy]\ncoordinates = {value}")


def test_originals_with_their_positions_do_not_go_with_places_kept_back(tmp_path: Path) -> None:
    load(tmp_path, "", "[image]\noriginals = true")
    with pytest.raises(RecipeError, match=r"image\.originals.*\n.*\n.*privacy\.coordinates"):
        load(tmp_path, "", '[image]\noriginals = true\n[privacy]\ncoordinates = "none"')
