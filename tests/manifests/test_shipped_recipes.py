"""Recipes that come with the package: each is printed by its name, and loads as it stands."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from manifests import RecipeError, RecipePath, load_recipe, shipped_recipes, starter_recipe
from manifests.paths import recipe_paths
from manifests.reference import STARTER
from manifests.sections.shipped_rules import SHIPPED_RULES
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
    recipe = load_recipe(tmp_path / "recipe.toml")
    assert recipe.sources
    named = {rule for table in (*recipe.sources, recipe.select) for rule in table.rules or ()}
    assert not {rule for rule in named if SHIPPED_RULES[rule].unmeasured}, "rules that were not measured are comments"


OTHERS = [name for name in shipped_recipes() if name != "starter"]
HEAD = ("From", "Licences", "Held to", "Limits")


def head_of(name: str) -> dict[str, str]:
    """Return what the comment above a recipe says, by its words."""
    comment = starter_recipe(name).partition("\n\n")[0].replace("\n#          ", "")
    return {word: found[1] for word in HEAD if (found := re.search(rf"^# {word}: +(.+)$", comment, re.MULTILINE))}


@pytest.mark.parametrize("name", OTHERS)
def test_a_shipped_recipe_says_where_from_under_which_licence_and_what_it_is_held_to(name: str) -> None:
    text = starter_recipe(name)
    told = head_of(name)
    assert tuple(told) == HEAD and all(len(words) > 40 for words in told.values())
    addresses = re.findall(r"[a-z][a-z0-9+]*://[^\s,)\"]+", text)
    assert len(re.findall(r"https://", told["From"])) >= 2
    assert {address.partition("://")[0] for address in addresses} <= {"https", "shipped"}
    assert text.startswith("# ") and text.splitlines()[1] == "#"
    assert text.partition("\n\n")[2].count("# ") >= 3, "what is particular to it is explained where it stands"
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize("name", OTHERS)
def test_a_shipped_recipe_names_itself_states_its_rights_and_leaves_out_what_is_the_default(
    name: str, tmp_path: Path
) -> None:
    given = tomllib.loads(starter_recipe(name))
    (tmp_path / "recipe.toml").write_text(starter_recipe(name), encoding="utf-8")
    recipe = load_recipe(tmp_path / "recipe.toml")
    assert given["name"] == recipe.name == name and given["description"] and "licences" in given
    assert recipe.taxonomy.sources != ("default",)
    paths = [path.given for _, path in recipe_paths(recipe) if isinstance(path, RecipePath) and path.given]
    assert paths and all(path.startswith(("data/", "shipped://")) for path in paths)
    # Whoever fetches has to write an address of their own; who reads a store needs none.
    fetched = [source.name for source in recipe.sources if not source.media]
    assert bool(fetched) == (recipe.fetch.contact == "you@example.org")


def test_the_page_of_shipped_recipes_has_a_row_for_each() -> None:
    page = (Path(__file__).parents[2] / "docs" / "starters.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^\| `([a-z0-9-]+)` \|", page, re.MULTILINE)) == list(shipped_recipes())


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
