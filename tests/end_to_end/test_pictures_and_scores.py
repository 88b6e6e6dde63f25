"""Conditions on pictures and on scores, on the whole pipeline: what ends where, what is redone, and how it is told."""

from __future__ import annotations

import csv
import dataclasses
import json
from pathlib import Path

import pytest

from manifests import Recipe, ScoresSpec, SelectRules
from pipeline.catalog import open_catalog
from pipeline.catalog.row_life import explain
from pipeline.engine.engine import EngineOptions
from pipeline.run.driver import run
from pipeline.verify import verify
from tests.conftest import Demo, assert_same_run
from tests.pipeline.verify.test_planted_faults import edit_rows

WHERE = "media.sharpness > 400 AND judged.good > 0.5 AND (media.aspect < 1.5 OR judged.note = 'wide')"


@pytest.fixture(scope="module")
def judged(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> tuple[Recipe, Path, dict[str, tuple[float, str]]]:
    """A run with scores of three quarters of its media, in a CSV with a row that means nothing."""
    folder = tmp_path_factory.mktemp("judged")
    with open_catalog(demo.out) as con:
        keys = [row[0] for row in con.execute("SELECT DISTINCT media_url FROM records ORDER BY 1").fetchall()]
    scores = {
        key: (place % 10 / 10, "wide" if place % 3 else "")
        for place, key in enumerate(key for key in keys if key)
        if place % 4
    }
    with (folder / "scores.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["media_url", "good", "note"])
        writer.writerows((key, *values) for key, values in scores.items())
        writer.writerow(["https://nowhere.example/x.jpg", "1", ""])
    recipe = dataclasses.replace(
        demo.recipe,
        select=SelectRules(where=WHERE, rules=("no-blanks",)),
        scores=(ScoresSpec("judged", str(folder / "scores.csv"), "media_url"),),
    )
    said: list[str] = []
    run(recipe, folder / "out", options=EngineOptions(), progress=said.append)
    total = len(scores) + 1
    assert any(line == f"screen: scores judged: {total:,} rows; 1 match no record" for line in said)
    return recipe, folder / "out", scores


def test_scores_are_asked_before_fetch_and_pictures_after_it(
    judged: tuple[Recipe, Path, dict[str, tuple[float, str]]], demo: Demo
) -> None:
    _, out, scores = judged
    with open_catalog(out) as con:
        ended = dict(con.execute("SELECT outcome, count(*) FROM ledger GROUP BY 1").fetchall())
        rows = con.execute("SELECT media_url, sharpness, source_width, source_height FROM samples").fetchall()
        judgements = con.execute(
            """SELECT l.row_id, l.evidence, r.media_url, m.sharpness, m.aspect FROM ledger l
               JOIN records r ON r.record_id = l.row_id JOIN read_parquet('likeness/kept/*.parquet') k USING (record_id)
               JOIN media m ON m.image_id = k.image_id WHERE l.outcome = 'quality'"""
        ).fetchall()
        proofs = con.execute("SELECT evidence FROM ledger WHERE outcome = 'not_selected'").fetchall()
    assert ended["kept"] == len(rows) > 0 and ended["quality"] == len(judgements) > 0 and ended["not_selected"] > 0
    for url, sharpness, width, height in rows:
        assert sharpness > 400 and scores[url][0] > 0.5
        assert max(width, height) / min(width, height) < 1.5 or scores[url][1] == "wide"
    for _, text, url, sharpness, aspect in judgements:
        proof = json.loads(text)
        assert scores[url][0] > 0.5 and not (sharpness > 400 and (aspect < 1.5 or scores[url][1] == "wide"))
        assert proof["rule"] == "quality" and proof["key"] == "select.where" and proof["condition"] == WHERE
        assert f"media.sharpness = {sharpness}" in proof["value"] and "judged.good" not in proof["value"]
    early = [json.loads(text)["value"] for (text,) in proofs]
    assert all("judged.good = " in value and "media" not in value for value in early)
    told = list(explain(out, judgements[0][0]))
    assert any(line.startswith("choice") and "select.where asks for" in line for line in told)
    assert any(line.startswith("measures") and "sharpness" in line for line in told), told
    with open_catalog(demo.out) as con:
        assert sum(ended.values()) == con.execute("SELECT count(*) FROM ledger").fetchall()[0][0]
    assert [check for check in verify(out) if not check.ok] == []


def test_two_workers_choose_the_same(judged: tuple[Recipe, Path, dict[str, tuple[float, str]]], tmp_path: Path) -> None:
    recipe, out, _ = judged
    run(recipe, tmp_path / "two", options=EngineOptions(workers=2))
    assert_same_run(out, tmp_path / "two")


def blur(rows: list[dict[str, object]]) -> None:
    """Make every picture one that was not sharp."""
    for row in rows:
        row.update(sharpness=1.0)


def test_a_change_of_what_is_said_of_pictures_redoes_select_and_nothing_before(
    judged: tuple[Recipe, Path, dict[str, tuple[float, str]]], demo: Demo
) -> None:
    recipe, out, _ = judged
    changed = dataclasses.replace(
        recipe, select=SelectRules(where=WHERE.replace("media.sharpness > 400", "media.sharpness > 900"))
    )
    said: list[str] = []
    run(changed, out, "select", options=EngineOptions(), progress=said.append)
    for stage in ("ingest", "resolve", "holdout", "screen", "fetch", "likeness"):
        assert f"{stage}: done before" in said
    assert "select: done before" not in said
    run(recipe, out, options=EngineOptions())
    for path in sorted((out / "fetch" / "media").glob("[!-]*.parquet")):
        edit_rows(path, blur)
    failed = {check.name: check.detail for check in verify(out) if not check.ok}
    assert "images kept that select.rules, select.where does not choose" in failed["pictures"]


RULES = ("no-labels", "no-people", "no-people-detected", "no-tiny-subjects", "no-still-frames")


def people(rows: list[dict[str, object]]) -> None:
    """Make the detector see a person in every picture."""
    for row in rows:
        row.update(person=0.9)


def write_words(rows: list[dict[str, object]]) -> None:
    """Have every record say that it shows a drawing."""
    for row in rows:
        row.update(subject_words="title: drawing")


def test_shipped_rules_end_records_before_fetch_and_verify_holds_what_was_kept_against_them(
    demo: Demo, tmp_path: Path
) -> None:
    with open_catalog(demo.out) as con:
        keys = [key for (key,) in con.execute("SELECT DISTINCT media_url FROM samples ORDER BY 1").fetchall() if key]
    seen = {key: 0.2 + place % 3 / 10 if place % 3 else 0.1 for place, key in enumerate(keys)}
    lines = "".join(f"{key},{person:.1f}\n" for key, person in seen.items())
    (tmp_path / "detected.csv").write_text("media_url,person\n" + lines)
    recipe = dataclasses.replace(
        demo.recipe,
        select=SelectRules(rules=RULES),
        scores=(ScoresSpec("detector", str(tmp_path / "detected.csv"), "media_url"),),
    )
    said: list[str] = []
    out = tmp_path / "out"
    run(recipe, out, options=EngineOptions(), progress=said.append)
    assert sum("how often no-people-detected is wrong is not known" in line for line in said) == 1
    assert sum("how often no-still-frames is wrong is not known" in line for line in said) == 1
    with open_catalog(out) as con:
        kept = [key for (key,) in con.execute("SELECT media_url FROM samples").fetchall()]
        proofs = [
            (url, json.loads(text))
            for url, text in con.execute(
                """SELECT r.media_url, l.evidence FROM ledger l JOIN records r ON r.record_id = l.row_id
                   WHERE l.outcome = 'not_selected'"""
            ).fetchall()
        ]
    assert kept and proofs and all(seen.get(key, 0) < 0.2 for key in kept)
    for url, proof in proofs:
        assert proof["key"] == "select.rules" and proof["rule"] in RULES
        if proof["rule"] == "no-people-detected":
            assert proof["value"] == f"detector.person = {seen[url]:.1f}" and "0.2" in proof["condition"]
    assert any(proof["rule"] == "no-people-detected" for _, proof in proofs)
    assert [check for check in verify(out) if not check.ok] == []
    assert next(check.detail for check in verify(out) if check.name == "pictures") == f"{len(RULES)} conditions"
    for table, change in (
        (out / "screen" / "scores" / "detector.parquet", people),
        (next((out / "ingest" / "records").glob("*.parquet")), write_words),
    ):
        before = table.read_bytes()
        edit_rows(table, change)
        failed = {check.name: check.detail for check in verify(out) if not check.ok}
        assert "images kept that select.rules does not choose" in failed["pictures"]
        table.write_bytes(before)
