"""Quotas and named splits on the whole pipeline: shards, catalog, report and `verify` agree with the recipe."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from manifests import Recipe, SelectRules, SplitSpec, SplittingRules
from pipeline.catalog import open_catalog
from pipeline.catalog.row_life import explain
from pipeline.engine.engine import EngineOptions
from pipeline.run.driver import run
from pipeline.verify import verify
from tests.conftest import Demo, assert_same_run
from tests.pipeline.verify.test_planted_faults import edit_rows, findings

THREE = (SplitSpec("train", 70.0), SplitSpec("val", 15.0), SplitSpec("test", 15.0))
ASKED: dict[str, dict[str, object]] = {
    "floors, caps and balance": {
        "select": SelectRules(cap_per_taxon=8, min_per_taxon=3, balance=("sex", "source"), quota_rank="species"),
        "splits": THREE,
    },
    "a target, thinning and what is unseen": {
        "select": SelectRules(target=120, power=0.25, thin_to=2, thin_degrees=5.0, prefer=("licence", "rarity")),
        "splits": (SplitSpec("train", 70.0), SplitSpec("val", 10.0), SplitSpec("test", 20.0, unseen="genus")),
        "splitting": SplittingRules(together=("publisher",), stratify="none"),
    },
    "cells with a buffer": {
        "select": SelectRules(most_taxa=2, most_taxa_per="class"),
        "splits": THREE,
        "splitting": SplittingRules(cell_kilometres=200.0, buffer_kilometres=50.0),
    },
    "time, and pictures that differ": {
        "select": SelectRules(cap_per_taxon=6, diverse=("hash",)),
        "splits": (SplitSpec("train", 60.0), SplitSpec("late", 40.0)),
        "splitting": SplittingRules(chronological=True, stratify="family"),
    },
}


def asking(demo: Demo, name: str) -> Recipe:
    """Return the recipe of the demo with what a case asks beside."""
    return dataclasses.replace(demo.recipe, **ASKED[name])  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def made(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return runs by the name of the case; each goes on from the demo's, whose images are fetched already."""
    runs: dict[str, Path] = {}

    def make(name: str) -> Path:
        if name not in runs:
            out = tmp_path_factory.mktemp("asked") / "out"
            shutil.copytree(demo.out, out)
            run(asking(demo, name), out, options=EngineOptions())
            runs[name] = out
        return runs[name]

    return make


@pytest.mark.parametrize("name", ASKED)
def test_what_a_recipe_asks_is_in_the_shards_and_every_check_holds(
    name: str, demo: Demo, made: Callable[[str], Path]
) -> None:
    out, splits = made(name), ASKED[name]["splits"]
    assert isinstance(splits, tuple)
    names = {split.name for split in splits}
    failed = [check for check in verify(out) if not check.ok]
    assert not failed
    with open_catalog(out) as con:
        found = dict(con.execute("SELECT split, count(*) FROM samples GROUP BY 1").fetchall())
        shards = {row[0] for row in con.execute("SELECT DISTINCT shard FROM samples").fetchall()}
        ended = con.execute(
            "SELECT row_id, outcome FROM ledger WHERE stage = 'select' AND outcome <> 'kept' ORDER BY ALL LIMIT 1"
        ).fetchall()
        rows = con.execute("SELECT count(*) FROM ledger").fetchall()[0][0]
        by_taxon = con.execute("SELECT sum(images) FROM split_taxa").fetchall()[0][0]
    assert found.keys() == names and {shard.split("-")[-2] for shard in shards} == names
    assert by_taxon == sum(found.values())
    assert ended and any(ended[0][1] in line for line in explain(out, ended[0][0]))
    with open_catalog(demo.out) as con:
        assert rows == con.execute("SELECT count(*) FROM ledger").fetchall()[0][0]
    told = json.loads((out / "catalog" / "report.json").read_text())["sections"]["split"]
    assert told["images"] == {split.name: found[split.name] for split in splits}
    assert told["groups_over_both"] == 0


def test_workers_and_reversed_files_decide_the_same(demo: Demo, tmp_path: Path, made: Callable[[str], Path]) -> None:
    name = "floors, caps and balance"
    run(asking(demo, name), tmp_path / "two", options=EngineOptions(workers=2))
    assert_same_run(made(name), tmp_path / "two")


FAULTS: dict[str, tuple[str, Callable[[list[dict[str, object]]], None]]] = {
    "above select.cap_per_taxon": ("floors, caps and balance", lambda rows: one_taxon(rows, 9)),
    "in a split that the recipe has not": ("floors, caps and balance", lambda rows: rows[0].update(split="other")),
    "that train lacks": ("floors, caps and balance", lambda rows: whole_taxon(rows, "val")),
    "of publisher in two splits": ("a target, thinning and what is unseen", lambda rows: turned(rows)),
    "in test and elsewhere": ("a target, thinning and what is unseen", lambda rows: one_of_two(rows, "test")),
    "above select.thin_to": ("a target, thinning and what is unseen", lambda rows: one_taxon(rows, 100)),
    "within 50 km": ("cells with a buffer", lambda rows: turned(rows)),
    "dates in train after some of late": ("time, and pictures that differ", lambda rows: turned(rows)),
}
"""What `verify` says of decisions that were changed, by the case and the change."""


def one_taxon(rows: list[dict[str, object]], count: int) -> None:
    """Change the name of many records to that of the first."""
    for row in rows[:count]:
        row.update(name_id=rows[0]["name_id"], accepted_id=rows[0]["accepted_id"])


def whole_taxon(rows: list[dict[str, object]], split: str) -> None:
    """Move one taxon to a split."""
    for row in rows:
        if row["accepted_id"] == rows[0]["accepted_id"]:
            row["split"] = split


def one_of_two(rows: list[dict[str, object]], split: str) -> None:
    """Move a record to a split, another of whose taxon stays where it is."""
    taxa = [(row["accepted_id"], row["split"]) for row in rows]
    next(row for row, of in zip(rows, taxa, strict=True) if taxa.count(of) > 1 and of[1] != split)["split"] = split


def turned(rows: list[dict[str, object]]) -> None:
    """Change the split of every record to that of the record at the other end."""
    for row, split in zip(rows, [row["split"] for row in rows][::-1], strict=True):
        row["split"] = split


@pytest.mark.parametrize("finding", FAULTS)
def test_decisions_that_break_the_recipe_are_found(finding: str, tmp_path: Path, made: Callable[[str], Path]) -> None:
    name, fault = FAULTS[finding]
    shutil.copytree(made(name), tmp_path / "out")
    edit_rows(tmp_path / "out" / "select" / "decisions" / "part.parquet", fault)
    said = findings(tmp_path / "out")
    assert any(finding in detail for detail in said.values()), said


def test_birds_of_two_licences_are_all_that_is_requested_and_lie_in_three_splits(demo: Demo, tmp_path: Path) -> None:
    """Only Aves under CC0 or CC-BY, at most 50 and at least 2 of a species, 80, 10 and 10 % by observation."""
    rules = SelectRules(
        taxa=("Aves",),
        where="license_family IN ('CC0', 'CC-BY')",
        cap_per_taxon=50,
        min_per_taxon=2,
        quota_rank="species",
    )
    splits = (SplitSpec("train", 80.0), SplitSpec("val", 10.0), SplitSpec("test", 10.0))
    before = Counter(demo.server.hits)
    run(dataclasses.replace(demo.recipe, select=rules, splits=splits), tmp_path / "out", options=EngineOptions())
    asked = Counter(demo.server.hits) - before
    with open_catalog(tmp_path / "out") as con:
        funnel = dict(con.execute("SELECT outcome, count(*) FROM ledger GROUP BY 1 ORDER BY 2 DESC").fetchall())
        candidates = con.execute(
            "SELECT address, alternates FROM read_parquet('screen/candidates/*.parquet') WHERE store = ''"
        ).fetchall()
        wrong = con.execute(
            """SELECT count(*) FROM samples s JOIN records r USING (record_id)
               WHERE s.class <> 'Aves' OR r.license_family NOT IN ('CC0', 'CC-BY')"""
        ).fetchall()[0][0]
        found = dict(con.execute("SELECT split, count(*) FROM samples GROUP BY 1 ORDER BY 1").fetchall())
        torn = con.execute(
            """SELECT source, occurrence_key FROM samples WHERE occurrence_key <> ''
               GROUP BY ALL HAVING count(DISTINCT split) > 1"""
        ).fetchall()
    known = {each for address, others in candidates for each in (address, *(o["address"] for o in others or ()))}
    known = {address.partition("://")[2].partition("?")[0] for address in known}
    media = {address.partition("?")[0] for address in asked if not address.endswith("robots.txt")}
    print(f"requests {asked.total()}, candidates {len(candidates)}, funnel {funnel}, splits {found}")
    assert media <= known
    assert not wrong and not torn and funnel["kept"] == sum(found.values()) > 0
    assert not [check for check in verify(tmp_path / "out") if not check.ok]
