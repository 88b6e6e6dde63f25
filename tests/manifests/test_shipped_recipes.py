"""Recipes that come with the package: each is printed by its name, and loads as it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from manifests import RecipeError, load_recipe, shipped_recipes, starter_recipe
from manifests.reference import STARTER
from pipeline.commands.cli import main
from pipeline.model.exit_status import ExitStatus


def test_all_files_of_the_folder_are_listed() -> None:
    assert set(shipped_recipes()) == {path.stem for path in STARTER.parent.iterdir() if path.suffix == ".toml"}
    assert starter_recipe() == starter_recipe("starter") == STARTER.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", shipped_recipes())
def test_a_shipped_recipe_is_printed_whole_and_loads(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["recipe", "--starter", name]) == ExitStatus.DONE
    told = capsys.readouterr().out
    assert told == starter_recipe(name)
    (tmp_path / "recipe.toml").write_text(told, encoding="utf-8")
    assert load_recipe(tmp_path / "recipe.toml").sources


@pytest.mark.parametrize("name", ["startr", "nothing-like-it", "../recipe", "", "starter.toml"])
def test_an_unknown_name_is_refused_with_the_names_that_there_are(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(RecipeError, match="comes with the package"):
        starter_recipe(name)
    assert main(["recipe", "--starter", name]) == ExitStatus.MISUSED
    told = capsys.readouterr()
    assert told.out == ""
    assert f"one of {', '.join(shipped_recipes())}" in told.err


def test_without_a_name_the_starter_is_printed_wherever_the_option_stands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipe", "--starter"]) == ExitStatus.DONE
    assert capsys.readouterr().out == starter_recipe()
    assert main(["recipe", "--starter", "--json"]) == ExitStatus.MISUSED
