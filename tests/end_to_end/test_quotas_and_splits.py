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
LIST = "mine.csv"
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
    "caps of splits, a list, and quotas of columns": {
        "select": SelectRules(cap_per_taxon=4, quota_columns=("license_family",), quota_rank="genus"),
        "splits": (
            SplitSpec("train", 60.0),
            SplitSpec("val", 40.0, cap_per_taxon=2),
            SplitSpec("own", keys=LIST, unseen="genus", cap_per_taxon=3),
        ),
    },
    "species of each listed taxon": {
        "select": SelectRules(taxa=("Aves", "Insecta", "Plantae"), most_taxa=2, most_taxa_per="taxa"),
        "splits": (SplitSpec("train", 80.0), SplitSpec("own", keys=LIST), SplitSpec("val", 20.0)),
    },
}


@pytest.fixture(scope="module")
def listed(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a list that names a record of each species of birds that has several."""
    with open_catalog(demo.out) as con:
        keys = con.execute(
            """SELECT r.source || ':' || r.source_record_id FROM samples s JOIN records r USING (record_id)
               WHERE s.accepted_id IN (SELECT accepted_id FROM samples WHERE class = 'Aves' GROUP BY 1
                                       HAVING count(*) > 1)
               QUALIFY row_number() OVER (PARTITION BY s.accepted_id ORDER BY s.key) = 1 ORDER BY 1"""
        ).fetchall()
    assert len(keys) > 3
    path = tmp_path_factory.mktemp("list") / LIST
    path.write_text("record_key\n" + "".join(f"{key}\n" for (key,) in keys))
    return path


def asking(demo: Demo, name: str, listed: Path) -> Recipe:
    """Return the recipe of the demo with what a case asks beside."""
    recipe = dataclasses.replace(demo.recipe, **ASKED[name])  # type: ignore[arg-type]
    splits = (dataclasses.replace(split, keys=str(listed)) if split.keys else split for split in recipe.splits or ())
    return dataclasses.replace(recipe, splits=tuple(splits))


@pytest.fixture(scope="module")
def made(demo: Demo, listed: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return runs by the name of the case; each goes on from the demo's, whose images are fetched already."""
    runs: dict[str, Path] = {}

    def make(name: str) -> Path:
        if name not in runs:
            out = tmp_path_factory.mktemp("asked") / "out"
            shutil.copytree(demo.out, out)
            run(asking(demo, name, listed), out, options=EngineOptions())
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


def test_workers_and_reversed_files_decide_the_same(
    demo: Demo, listed: Path, tmp_path: Path, made: Callable[[str], Path]
) -> None:
    name = "floors, caps and balance"
    run(asking(demo, name, listed), tmp_path / "two", options=EngineOptions(workers=2))
    assert_same_run(made(name), tmp_path / "two")


CAPPED, PER_LISTED = list(ASKED)[-2:]
FAULTS: dict[str, tuple[str, Callable[[list[dict[str, object]]], None]]] = {
    "above select.cap_per_taxon": ("floors, caps and balance", lambda rows: one_taxon(rows, 9)),
    "in a split that the recipe has not": ("floors, caps and balance", lambda rows: rows[0].update(split="other")),
    "that train lacks": ("floors, caps and balance", lambda rows: whole_taxon(rows, "val")),
    "of publisher in two splits": ("a target, thinning and what is unseen", lambda rows: turned(rows)),
    "in test and elsewhere": ("a target, thinning and what is unseen", lambda rows: one_of_two(rows, "test")),
    "above select.thin_to": ("a target, thinning and what is unseen", lambda rows: one_taxon(rows, 100)),
    "within 50 km": ("cells with a buffer", lambda rows: turned(rows)),
    "taxa above cap_per_taxon of val": (CAPPED, lambda rows: whole_taxon(rows, "val")),
    "in an earlier split than that they are named for": (PER_LISTED, lambda rows: leave_split(rows, "own")),
    "groups in own that nothing names for it": (PER_LISTED, lambda rows: one_of_two(rows, "own")),
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


def leave_split(rows: list[dict[str, object]], split: str) -> None:
    """Move a record out of a split into the first."""
    next(row for row in rows if row["split"] == split)["split"] = "train"


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


def test_a_species_too_many_of_a_listed_taxon_and_a_list_that_has_changed_are_told(
    listed: Path, tmp_path: Path, made: Callable[[str], Path]
) -> None:
    out = tmp_path / "out"
    shutil.copytree(made(PER_LISTED), out)
    with open_catalog(out) as con:
        kept = con.execute("SELECT kingdom, class, accepted_id FROM samples GROUP BY ALL").fetchall()
        other = con.execute(
            """SELECT name_id, accepted_id FROM names n WHERE class = 'Aves' AND accepted_rank = 'species'
               AND accepted_id NOT IN (SELECT accepted_id FROM samples) ORDER BY ALL LIMIT 1"""
        ).fetchall()[0]
    groups = Counter(group if group in ("Aves", "Insecta") else kingdom for kingdom, group, _ in kept)
    assert groups == {"Aves": 2, "Insecta": 2, "Plantae": 2}
    edit_rows(
        out / "select" / "decisions" / "part.parquet",
        lambda rows: rows[0].update(name_id=other[0], accepted_id=other[1]),
    )
    assert "taxa more than select.most_taxa" in findings(out)["quotas"]
    text = listed.read_text()
    listed.write_text(text + "none:such\n")
    told = {check.name: check.detail for check in verify(made(PER_LISTED))}["listed splits"]
    listed.write_text(text)
    assert told == "not checked: the lists of own have changed or are not here"


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
