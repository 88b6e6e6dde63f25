"""Where a plan works, what it leaves there, and which folders and recipes it refuses."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import tempfile
from pathlib import Path

import pytest

import biomill
from manifests import Recipe, load_recipe
from pipeline.commands.cli import main
from pipeline.demo import Corpus
from pipeline.model.errors import RunError, UsageError
from pipeline.model.exit_status import ExitStatus
from pipeline.planning import PLAN, Asked, make_plan, plan_document
from pipeline.run.driver import run
from pipeline.storage.run_folder import RunFolder
from pipeline.verify import verify
from tests.conftest import Demo, checksums


def silent(line: str) -> None:
    """Take no notice of progress."""


def test_without_a_folder_nothing_is_left(recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    make_plan(recipe, None, Asked(), silent)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(biomill.RecipeError):
        make_plan(dataclasses.replace(recipe, name="x", sources=recipe.sources[:1]), None, Asked(sample=5), _stop)
    assert list(tmp_path.iterdir()) == []


def _stop(line: str) -> None:
    raise biomill.RecipeError("stopped")


@pytest.mark.whole
def test_a_run_goes_on_from_its_plan(recipe: Recipe, demo: Demo, tmp_path: Path) -> None:
    plan = make_plan(recipe, tmp_path / "run", Asked(typed="biomill run a.toml -o run"), silent)
    assert json.loads((tmp_path / "run" / PLAN).read_text()) == json.loads(json.dumps(plan_document(plan)))
    told: list[str] = []
    run(recipe, tmp_path / "run", progress=told.append)
    assert [line for line in told if line.endswith(": done before")] == [
        f"{stage}: done before" for stage in ("ingest", "resolve", "holdout", "screen")
    ]
    apart = ("report.html", "report.json", "plan.json")  # a report shows the plan of its folder
    lines = [checksums(out).splitlines() for out in (tmp_path / "run", demo.out)]
    here, there = ([line for line in each if not line.endswith(apart)] for each in lines)
    assert here == there and len(here) > 10
    assert "How near was the plan?" in (tmp_path / "run" / "report.html").read_text()
    assert all(check.ok for check in verify(tmp_path / "run"))


@pytest.mark.whole
def test_equal_input_gives_equal_bytes_whatever_works_and_wherever(recipe: Recipe, tmp_path: Path) -> None:
    from pipeline.engine.engine import EngineOptions

    for name, workers in (("one", 1), ("two", 2)):
        make_plan(recipe, tmp_path / name, Asked(options=EngineOptions(workers=workers)), silent)
    assert (tmp_path / "one" / PLAN).read_bytes() == (tmp_path / "two" / PLAN).read_bytes()


def test_a_finished_run_is_planned_from_what_is_there_and_stays_as_it_is(demo: Demo, tmp_path: Path) -> None:
    out = tmp_path / "run"
    shutil.copytree(demo.out, out, copy_function=os.link)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    plan = make_plan(demo.recipe, out, Asked(), silent)
    after = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    assert {path.name for path in after if after[path] != before.get(path)} == {PLAN}
    assert plan == make_plan(demo.recipe, None, Asked(), silent)


def test_a_fetch_by_other_rules_and_another_recipes_run_are_refused(demo: Demo, tmp_path: Path) -> None:
    out = tmp_path / "run"
    shutil.copytree(demo.out, out, copy_function=os.link)
    other = dataclasses.replace(demo.recipe, seed=demo.recipe.seed + 1)
    with pytest.raises(RunError, match="with other keys"):
        make_plan(other, out, Asked(), silent)
    with pytest.raises(RunError, match="recipe 'biota'"):
        make_plan(dataclasses.replace(demo.recipe, name="another"), out, Asked(), silent)
    assert checksums(out) == checksums(demo.out)
    assert not (out / PLAN).exists()


@pytest.mark.whole
def test_a_changed_recipe_is_planned_anew_where_nothing_was_fetched(recipe: Recipe, tmp_path: Path) -> None:
    make_plan(recipe, tmp_path / "run", Asked(), silent)
    fewer = dataclasses.replace(recipe, select=dataclasses.replace(recipe.select, limit=10))
    plan = make_plan(fewer, tmp_path / "run", Asked(), silent)
    assert plan.candidates == 10
    assert sum(key.rows for each in plan.sources for key in each.not_selected) == 403
    assert {key.key for each in plan.sources for key in each.not_selected} == {"select.limit"}
    assert "not chosen" in str(plan)


def test_a_folder_that_another_process_holds_is_refused(recipe: Recipe, demo: Demo, tmp_path: Path) -> None:
    for name in ("new", "finished"):
        out = tmp_path / name
        if name == "finished":
            shutil.copytree(demo.out, out, copy_function=os.link, ignore=shutil.ignore_patterns(".lock"))
        with RunFolder(out).lock(), pytest.raises(RunError, match="another run is writing"):
            make_plan(recipe, out, Asked(), silent)


def test_a_folder_of_other_things_is_refused(recipe: Recipe, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(RunError, match="holds other things"):
        make_plan(recipe, tmp_path, Asked(), silent)


@pytest.mark.parametrize("given", [{"sample": 0}, {"sample": -1}, {"head": 0}, {"workers": -1}])
def test_numbers_that_mean_nothing_are_misuse(corpus: Corpus, given: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="whole number"):
        biomill.plan(corpus.recipe, **given)  # type: ignore[arg-type]


@pytest.mark.whole
def test_the_function_gives_what_the_command_prints(corpus: Corpus, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", str(corpus.recipe), "--set", "seed=3", "--workers", "2"]) == 0
    plan = biomill.plan(corpus.recipe, overrides={"seed": 3}, workers=2, progress=silent)
    assert capsys.readouterr().out == f"{plan}\n"
    assert isinstance(plan, biomill.Plan)


SOURCE = 'name = "a"\n[[sources]]\nname = "b"\nkind = "eol"\npath = "none"\n'


def test_what_cannot_be_planned_ends_with_its_status(
    corpus: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "absent.toml").write_text(SOURCE)
    recipe = str(corpus.recipe)
    store = f"sources.bioscan.media={tmp_path / 'store'}"
    for words, status, told in (
        (["plan", str(tmp_path / "absent.toml")], ExitStatus.MISUSED, "no such file or folder"),
        (["plan", str(tmp_path / "none.toml")], ExitStatus.MISUSED, "no such recipe"),
        (["plan", recipe, "--set", store], ExitStatus.MISUSED, "no such file or folder"),
        (["plan", recipe, "--sample", "3", "--set", "fetch.contact="], ExitStatus.MISUSED, "fetch.contact"),
        (["plan", recipe, "--head", "3", "--set", "fetch.contact="], ExitStatus.MISUSED, "fetch.contact"),
    ):
        assert main(words) == status
        assert told in capsys.readouterr().err
    with pytest.raises(SystemExit) as end:
        main(["plan", recipe, "--sample", "0"])
    assert end.value.code == ExitStatus.MISUSED


@pytest.mark.whole
def test_a_plan_of_nothing_is_no_success(corpus: Corpus, capsys: pytest.CaptureFixture[str]) -> None:
    empty = ["plan", str(corpus.recipe), "--set", 'licences.allow=["CDLA-Permissive"]']
    assert main(empty) == ExitStatus.NOTHING_KEPT
    told = capsys.readouterr().out
    assert "nothing is left to fetch" in told
    assert "licences.allow" in told
    assert main([*empty, "--json"]) == ExitStatus.NOTHING_KEPT
    assert json.loads(capsys.readouterr().out)["candidates"] == 0
    assert main([*empty, "--allow-empty"]) == ExitStatus.DONE


def test_a_plan_without_a_sample_asks_nobody(corpus: Corpus, demo: Demo) -> None:
    before = sum(demo.server.hits.values())
    make_plan(demo.recipe, None, Asked(), silent)
    assert sum(demo.server.hits.values()) == before
    assert load_recipe(corpus.recipe).fetch.contact
