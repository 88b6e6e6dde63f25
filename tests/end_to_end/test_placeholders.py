"""A host's placeholders through a whole run: what is said of them, what is had instead, and what they may leak."""

from __future__ import annotations

import csv
import json

import pytest

from pipeline.catalog import open_catalog
from pipeline.catalog.row_life import explain
from pipeline.likeness.run_evidence import run_sheets
from tests.conftest import Demo


def planted(demo: Demo, *words: str) -> set[str]:
    """Return the rows whose note holds one of the words, or that end as placeholder where none is given."""
    with demo.corpus.truth.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    if words:
        return {row["row_id"] for row in rows if any(word in row["note"] for word in words)}
    return {row["row_id"] for row in rows if row["outcome"] == "placeholder"}


def test_every_placeholder_is_in_the_ledger_with_its_evidence(demo: Demo) -> None:
    with open_catalog(demo.out) as con:
        rows = con.execute("SELECT row_id, evidence FROM ledger WHERE outcome = 'placeholder'").fetchall()
        media = con.execute(
            "SELECT count(*), count(DISTINCT sha256) FROM media WHERE outcome = 'placeholder'"
        ).fetchone()
        groups = con.execute(
            "SELECT host, rule, addresses, images, genera, len(taxa) FROM placeholders ORDER BY host, rule"
        ).fetchall()
    assert {row[0] for row in rows} == planted(demo)
    for _, evidence in rows:
        proof = json.loads(evidence)
        assert (proof["addresses"] >= 5, proof["genera"] >= 3, proof["status"]) == (True, True, 200)
        assert proof["rule"] in ("same bytes", "same final address")
        assert proof["example"].startswith("http://")
    # One image more than rows: the copy in whose place another one was had.
    assert media == (len(rows) + 1, 3)
    assert groups == [
        ("content.biota.test", "same bytes", 5, 5, 5, 5),
        ("media.biota.test", "same bytes", 6, 6, 6, 5),
        ("slow.biota.test", "same bytes", 5, 5, 5, 5),
    ]


def test_the_report_shows_each_picture_and_explain_says_why_a_row_ended(demo: Demo) -> None:
    report = (demo.out / "report.html").read_text(encoding="utf-8")
    section = report.partition('<section id="sources"')[2].partition("</section>")[0]
    assert section.count('<img src="data:image/webp;base64,') == 3
    assert "media.biota.test: 6 images" in section
    assert "6 addresses of media.biota.test gave these bytes, for 6 genera; asked for: Bufo bufo" in section
    assert section.count("; like the held-out ") >= 1
    row_id = min(planted(demo, "redirected to a placeholder"))
    told = "\n".join(explain(demo.out, row_id))
    assert "outcome placeholder" in told
    assert "a placeholder: 5 addresses of slow.biota.test gave these bytes, for 5 genera" in told
    assert "The host gives this picture in the place of many" in told


def test_a_placeholder_that_a_benchmark_holds_too_is_listed_among_the_leaks_and_keeps_its_outcome(demo: Demo) -> None:
    held = planted(demo, "a copy that is a placeholder")
    with open_catalog(demo.out) as con:
        leaks = con.execute(
            """SELECT l.record_id, l.rule, o.outcome FROM leaks l JOIN ledger o ON o.row_id = l.record_id
               WHERE o.outcome = 'placeholder'"""
        ).fetchall()
        twice = con.execute("SELECT record_id FROM leaks GROUP BY 1 HAVING count(*) > 1").fetchall()
        kept = con.execute("SELECT record_id FROM leaks JOIN samples USING (record_id)").fetchall()
    assert {row[0] for row in leaks if row[1] == "bytes"} == held
    assert {row[0] for row in leaks} <= planted(demo)
    assert (twice, kept) == ([], [])


def test_placeholders_stand_in_no_cluster_and_conflict_with_nothing(demo: Demo) -> None:
    with open_catalog(demo.out) as con:
        clustered = con.execute("SELECT record_id FROM clusters").fetchall()
        suppressed = con.execute("SELECT other_id FROM ledger WHERE stage = 'likeness'").fetchall()
    assert not planted(demo) & {row[0] for row in clustered}
    assert not planted(demo) & {row[0] for row in suppressed}


def test_the_sheets_of_evidence_show_a_leaking_placeholder(
    demo: Demo, tmp_path_factory: pytest.TempPathFactory
) -> None:
    out = tmp_path_factory.mktemp("sheets")
    run_sheets(demo.out, out)
    page = (out / "leaks.html").read_text(encoding="utf-8")
    for record in planted(demo, "a copy that is a placeholder"):
        assert f"{record}: placeholder" in page
