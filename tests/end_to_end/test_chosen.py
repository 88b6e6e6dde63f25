"""Choosing on the whole pipeline: what is not chosen is never asked for, and everything else is as it was."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from pathlib import Path

import pytest

from manifests import Recipe, SelectRules
from pipeline.catalog import open_catalog
from pipeline.catalog.row_life import explain
from pipeline.engine.engine import EngineOptions
from pipeline.losses.run_losses import rows_left, run_losses
from pipeline.run.driver import run
from pipeline.storage.run_folder import RunFolder
from pipeline.verify import verify
from tests.conftest import Demo, assert_same_run

CHOICE = SelectRules(
    taxa=("Aves",),
    where="license_family IN ('CC0', 'CC-BY')",
    years=("1990-2030",),
    bbox=(-180.0, -60.0, 180.0, 80.0),
)


@pytest.fixture(scope="module")
def chosen(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> tuple[Recipe, Path, Counter[str]]:
    """A run of one class, two licences, some years and a box: the recipe, the folder, and what was requested."""
    recipe = dataclasses.replace(demo.recipe, select=CHOICE)
    out = tmp_path_factory.mktemp("chosen") / "out"
    before = Counter(demo.server.hits)
    run(recipe, out, options=EngineOptions())
    return recipe, out, Counter(demo.server.hits) - before


def test_nothing_but_what_is_chosen_is_requested_and_the_run_verifies(
    chosen: tuple[Recipe, Path, Counter[str]], demo: Demo
) -> None:
    _, out, requested = chosen
    media = {address for address in requested if not address.endswith("robots.txt")}
    with open_catalog(out) as con:
        candidates = {
            address.partition("://")[2].partition("?")[0]
            for row in con.execute(
                "SELECT address, alternates FROM read_parquet('screen/candidates/*.parquet') WHERE store = ''"
            ).fetchall()
            for address in (row[0], *(other["address"] for other in row[1] or ()))
        }
        funnel = dict(con.execute("SELECT outcome, count(*) FROM ledger GROUP BY 1").fetchall())
        wrong = con.execute(
            """SELECT count(*) FROM samples s JOIN records r USING (record_id) JOIN names n USING (name_id)
               WHERE n.class <> 'Aves' OR r.license_family NOT IN ('CC0', 'CC-BY') OR r.lat IS NULL
                  OR year(TRY_CAST(left(r.event_date, 10) AS DATE)) NOT BETWEEN 1990 AND 2030"""
        ).fetchall()[0][0]
        keys = dict(
            con.execute(
                "SELECT evidence ->> '$.key', count(*) FROM ledger WHERE outcome = 'not_selected' GROUP BY 1"
            ).fetchall()
        )
        row = con.execute("SELECT row_id FROM ledger WHERE evidence ->> '$.key' = 'select.taxa' LIMIT 1").fetchall()
    assert {address.partition("?")[0] for address in media} <= candidates
    assert wrong == 0 and funnel["kept"] > 0 and funnel["not_selected"] > funnel["kept"]
    assert keys.keys() <= {"select.taxa", "select.where", "select.years", "select.bbox"} and len(keys) > 1
    with open_catalog(demo.out) as con:
        assert sum(funnel.values()) == con.execute("SELECT count(*) FROM ledger").fetchall()[0][0]
    assert any("select.taxa asks for" in line for line in explain(out, row[0][0]))
    assert all(check.ok for check in verify(out))


def test_workers_and_reversed_files_choose_the_same(chosen: tuple[Recipe, Path, Counter[str]], tmp_path: Path) -> None:
    recipe, out, _ = chosen
    run(recipe, tmp_path / "two", options=EngineOptions(workers=2))
    assert_same_run(out, tmp_path / "two")


def test_a_changed_choice_reads_nothing_again_and_a_limit_is_kept(demo: Demo, tmp_path: Path) -> None:
    said: list[str] = []
    run(demo.recipe, tmp_path / "out", "screen")
    limited = dataclasses.replace(demo.recipe, select=SelectRules(limit=25, sample=0.8))
    run(limited, tmp_path / "out", "screen", progress=said.append)
    assert "ingest: done before" in said and "resolve: done before" in said
    assert rows_left(RunFolder(tmp_path / "out"), "screen") == 25


def test_a_choice_of_nothing_names_the_key_and_is_no_success(demo: Demo, tmp_path: Path) -> None:
    nothing = dataclasses.replace(demo.recipe, select=SelectRules(where="publisher = 'nobody at all'"))
    said: list[str] = []
    folder = run(nothing, tmp_path / "out", "screen", progress=said.append)
    assert rows_left(folder, "screen") == 0
    told = [line for line in run_losses(folder, nothing, "screen") if "select.where; widen it" in line]
    assert len(told) == len(nothing.sources)
    assert sum(line.startswith("screen: source ") and "select.where; widen it" in line for line in said) == len(told)
    facts = json.loads((tmp_path / "out" / "screen" / "_done.json").read_text())["facts"]
    assert all(keys.keys() == {"select.where"} for keys in facts["not_selected"].values() if len(keys) == 1)
