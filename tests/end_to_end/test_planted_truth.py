"""Every planted row ends as the truth table says, and the counts balance."""

from __future__ import annotations

import csv
import json
from collections import Counter

import pytest

from pipeline.catalog import open_catalog
from pipeline.storage.run_folder import STAGES, RunFolder
from pipeline.verify import verify
from tests.conftest import Demo


def truth(demo: Demo) -> list[dict[str, str]]:
    with demo.corpus.truth.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def ledger(demo: Demo) -> dict[str, tuple[str, str | None]]:
    with open_catalog(demo.out) as con:
        return {
            row[0]: (row[1], row[2]) for row in con.execute("SELECT row_id, outcome, other_id FROM ledger").fetchall()
        }


def test_every_planted_row_ends_as_planted(demo: Demo) -> None:
    found = ledger(demo)
    doubles = Counter(other for outcome, other in found.values() if outcome == "duplicate_record")
    wrong = []
    for row in truth(demo):
        if row["outcome"] == "duplicate_record":
            if doubles[row["row_id"]] < 1:
                wrong.append((row, "no duplicate of it in the ledger"))
            doubles[row["row_id"]] -= 1
        elif found.get(row["row_id"], ("absent", None))[0] != row["outcome"]:
            wrong.append((row, found.get(row["row_id"], ("absent", None))[0]))
    assert wrong == []
    assert sum(doubles.values()) == 0


def test_the_ledger_holds_the_planted_rows_and_no_others(demo: Demo) -> None:
    planted = Counter((row["source"], row["outcome"]) for row in truth(demo))
    with open_catalog(demo.out) as con:
        counted = con.execute("SELECT source, outcome, sum(rows)::BIGINT FROM funnel GROUP BY 1, 2").fetchall()
    assert {(source, outcome): rows for source, outcome, rows in counted} == dict(planted)


def test_duplicates_name_the_kept_image_and_leaks_the_held_out_one(demo: Demo) -> None:
    found = ledger(demo)
    for row in truth(demo):
        if row["outcome"] in ("exact_duplicate", "near_duplicate"):
            assert found[row["row_id"]][1] == row["other"], row
            assert found[row["other"]][0] == "kept", row
        elif row["outcome"] == "same_medium":
            assert found[row["row_id"]][1] == row["other"], row
        elif row["outcome"] in ("leak_bytes", "leak_hamming"):
            assert (found[row["row_id"]][1] or "").endswith(row["other"].rsplit("/", 1)[-1]), row


def test_a_medium_that_is_gone_at_its_own_address_is_had_at_an_alternate(demo: Demo) -> None:
    notes = {row["note"]: row["row_id"] for row in truth(demo) if row["outcome"] in ("kept", "gone")}
    had, lost = notes["the preferred copy is gone, the other is not"], notes["both copies are gone"]
    with open_catalog(demo.out) as con:
        tried = con.execute("SELECT record_id, place, outcome FROM attempts ORDER BY ALL").fetchall()
        standing = con.execute("SELECT count(*) FROM media_records WHERE kept_id = record_id").fetchall()[0][0]
        proof = con.execute("SELECT evidence FROM ledger WHERE row_id = ?", [lost]).fetchall()[0][0]
        images = con.execute("SELECT record_id, count(*) FROM media_records WHERE kept_id = ? GROUP BY 1", [had])
        assert len(images.fetchall()) == 2
    instead = notes["the preferred copy is a placeholder, the other is not"]
    gone = [(had, 0, "gone"), (had, 1, None), (lost, 0, "gone"), (lost, 1, "gone")]
    assert tried == sorted([*gone, (instead, 0, "placeholder"), (instead, 1, None)])
    assert standing >= 6
    assert [at["outcome"] for at in json.loads(proof)["alternates"]] == ["gone"]


def test_rights_and_label_conflicts_are_columns_of_the_catalog(demo: Demo) -> None:
    at_odds = {row["row_id"] for row in truth(demo) if row["outcome"] == "media_label_conflict"}
    with open_catalog(demo.out) as con:
        found = con.execute("SELECT record_id FROM records WHERE list_contains(issues, 'LABEL_CONFLICT')").fetchall()
        shared = con.execute("SELECT DISTINCT source, may_share FROM samples ORDER BY ALL").fetchall()
    issues = {row[0] for row in found}
    # Beside contradictions, a genus and its species on one photograph are named too.
    assert at_odds < issues
    assert len(issues) == len(at_odds) + 2
    assert dict(shared) == {"bioscan": True, "eol": True, "fathomnet": False, "gbif": True}


@pytest.mark.parametrize("stage", [s for s in STAGES if s not in ("resolve", "holdout")])
def test_rows_in_are_rows_out_and_ended_in_every_stage(demo: Demo, stage: str) -> None:
    done = json.loads(RunFolder(demo.out).done(stage).read_text())
    assert {b["source"] for b in done["balance"]} == {"gbif", "eol", "bioscan", "fathomnet"}
    for b in done["balance"]:
        assert b["rows_in"] == b["rows_out"] + b["ended"]
        assert b["rows_in"] > 0


def test_a_run_verifies(demo: Demo) -> None:
    checks = list(verify(demo.out))
    assert [check for check in checks if not check.ok] == []
    assert len(checks) >= 9
