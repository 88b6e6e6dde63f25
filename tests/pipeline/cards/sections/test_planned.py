"""The plan in a run's folder beside the truth: equal counts, a plan of another recipe, one that is damaged or later."""

from __future__ import annotations

import json
import os
import shutil
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from pipeline.cards import make_report
from pipeline.cards.sections import SHOWN_PLAN, Section, sections_of
from pipeline.cards.sections.section import Asked
from pipeline.catalog import open_catalog
from pipeline.planning import PLAN, make_plan
from pipeline.planning import Asked as Wanted
from pipeline.verify import verify
from tests.conftest import Demo
from tests.performance.bench_plan import truth_of


@pytest.fixture(scope="module")
def planned_run(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a finished run whose folder has its plan, and whose report was made with it."""
    out = tmp_path_factory.mktemp("planned") / "run"
    shutil.copytree(demo.out, out, copy_function=_linked)
    make_plan(demo.recipe, out, Wanted(), lambda line: None)
    with open_catalog(out) as con:
        make_report(con, out, demo.recipe)
    return out


def _linked(source: str, target: str) -> None:
    """Link the tables, which nobody writes; copy what a report writes anew."""
    if source.endswith((".parquet", ".tar", ".bin")):
        os.link(source, target)
    else:
        shutil.copy2(source, target)


def section_of(demo: Demo, out: Path) -> Section | None:
    with open_catalog(out) as con:
        return next((each for each in sections_of(Asked(con, out, demo.recipe)) if each.id == "plan"), None)


def test_what_was_planned_stands_beside_what_became_of_it(demo: Demo, planned_run: Path) -> None:
    told: dict[str, Any] = json.loads((planned_run / "catalog" / "report.json").read_text())
    jsonschema.validate(told, json.loads(files("pipeline.cards").joinpath("report.schema.json").read_text()))
    found, truth = told["sections"]["plan"], truth_of(planned_run)
    plan = json.loads((planned_run / PLAN).read_text())
    assert found["fits"] and (found["images"], found["kept"]["high"]) == (truth.kept, plan["candidates"])
    rows = {(row["source"], row["stage"], row["outcome"]): row for row in found["rows"]}
    assert {key: row["became"] for key, row in rows.items() if key[2] != "to fetch"} == truth.ended
    assert all(row["planned"] == row["became"] for row in rows.values())
    assert sum(row["planned"] for key, row in rows.items() if key[2] == "to fetch") == plan["candidates"]
    assert {row["host"]: row["planned"] for row in found["hosts"] if row["planned"]} == truth.hosts
    assert {row["host"]: row["asked"] for row in found["hosts"]} == truth.hosts
    stored = {row["source"]: row["became"] for row in found["bytes"] if row["what"] == "stored"}
    fetched = {row["source"]: row["became"] for row in found["bytes"] if row["what"] == "fetched"}
    assert stored == truth.stored and sum(fetched.values()) <= sum(truth.fetched.values())
    page = (planned_run / "report.html").read_text()
    assert "How near was the plan?" in page and "How near was the plan?" not in (demo.out / "report.html").read_text()


@pytest.mark.whole
def test_a_later_plan_changes_no_report_and_every_check_holds(demo: Demo, planned_run: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    shutil.copytree(planned_run, out)
    assert all(check.ok for check in verify(out))
    make_plan(demo.recipe, out, Wanted(workers=7), lambda line: None)
    assert (out / PLAN).read_bytes() != (out / SHOWN_PLAN).read_bytes()
    assert all(check.ok for check in verify(out))
    (out / SHOWN_PLAN).write_text((out / SHOWN_PLAN).read_text().replace('"workers": 1', '"workers": 2'))
    assert [check.name for check in verify(out) if not check.ok] == ["cards"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda plan: {**plan, "digest": "0" * 64}, "of another recipe"),
        (lambda plan: {**plan, "version": 99}, "no plan that is read here"),
        (lambda plan: [plan], "no plan that is read here"),
        (lambda plan: {**plan, "volumes": [{"source": {}}]}, "damaged"),
        (lambda plan: {**plan, "kept": {"low": -1, "high": 10**30}}, "damaged"),
        (lambda plan: {**plan, "sources": "x"}, "damaged"),
        (lambda plan: {**plan, "fetching": {"hosts": [{"host": "\ud800", "requests": 1}]}}, "damaged"),
        (lambda plan: "not JSON", "damaged"),
        (lambda plan: "deep", "damaged"),
    ],
)
def test_a_plan_that_is_none_of_this_run_is_said_to_be_so(
    change: Any, says: str, demo: Demo, planned_run: Path, tmp_path: Path
) -> None:
    shutil.copytree(planned_run, tmp_path / "run", copy_function=_linked)
    path = tmp_path / "run" / SHOWN_PLAN
    changed = change(json.loads(path.read_text()))
    broken = {"not JSON": "{", "deep": "[" * 200_000}
    path.write_text(broken[changed] if isinstance(changed, str) else json.dumps(changed))
    section = section_of(demo, tmp_path / "run")
    assert section is not None and says in section.answer and section.parts == () and section.facts == {"fits": False}


def test_a_run_without_a_plan_has_no_such_section(demo: Demo) -> None:
    assert section_of(demo, demo.out) is None
