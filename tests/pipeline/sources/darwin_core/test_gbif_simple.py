"""Tables without media: counted to the row, and turned into questions for the downloads that have them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.model.errors import SourceError
from pipeline.pull import PullError, check_predicate
from pipeline.pull.planning import plan_predicates, plan_summary
from pipeline.sources.darwin_core import gbif_simple
from pipeline.sources.darwin_core.gbif_simple import COLUMNS, Wanted, count_simple

KEY = "50c9509d-22c7-4a22-a47d-8c48425ef4a7"


def row(number: int, **cells: str) -> dict[str, str]:
    known = {"gbifID": str(number), "datasetKey": KEY, "basisOfRecord": "HUMAN_OBSERVATION", "license": "CC_BY_4_0"}
    return {**known, "mediaType": "StillImage", "kingdom": "Animalia", "occurrenceStatus": "PRESENT", **cells}


ROWS = [
    row(10),
    row(9, mediaType="Sound;StillImage"),
    row(8, mediaType="Sound"),
    row(7, mediaType="", kingdom=""),
    row(6, occurrenceStatus="ABSENT"),
    row(5, license="CC_BY_NC_4_0", occurrenceStatus=""),
    row(4, kingdom="Plantae", basisOfRecord="PRESERVED_SPECIMEN", mediaType="StillImage;StillImage"),
    row(3, mediaType="StillImageX"),
]


def text(path: Path, rows: list[dict[str, str]], extra: str = "") -> Path:
    lines = ["\t".join(["taxonKey", *COLUMNS])] + ["\t".join(["1", *(r[name] for name in COLUMNS)]) for r in rows]
    path.write_text("\n".join(lines) + "\n" + extra, encoding="utf-8")
    return path


def snapshot(folder: Path, rows: list[dict[str, Any]], wrap: bool = False) -> Path:
    folder.mkdir()
    kinds = {name: pa.string() for name in COLUMNS}
    element = pa.struct([("array_element", pa.string())]) if wrap else pa.string()
    kinds["mediaType"] = pa.list_(element)
    for part, some in enumerate((rows[:3], rows[3:])):
        data = {
            name.lower(): pa.array([value(r[name], name, wrap) for r in some], kinds[name])
            for name in reversed(COLUMNS)
        }
        pq.write_table(pa.table(data), folder / f"{part:06d}")
    return folder


def value(cell: str, name: str, wrap: bool) -> Any:
    if name != "mediaType":
        return cell or None
    kinds = [kind for kind in cell.split(";") if kind]
    return [{"array_element": kind} for kind in kinds] if wrap else kinds or None


def test_the_real_table_is_counted_to_the_row(data: Path) -> None:
    counts = count_simple(data / "gbif/simple_csv/0009886-250127130748423.zip")
    assert (counts.rows, counts.malformed, counts.wanted) == (91, 0, 14)
    assert counts.by["mediaType"] == {"": 77, "StillImage": 14}
    assert counts.by["kingdom"] == {"Plantae": 91}
    assert counts.by["basisOfRecord"] == {"PRESERVED_SPECIMEN": 57, "HUMAN_OBSERVATION": 27, "LIVING_SPECIMEN": 7}
    assert counts.by["license"] == {"CC_BY_NC_4_0": 59, "CC_BY_4_0": 32}
    (predicate,) = plan_predicates(counts, Wanted())
    assert predicate["key"] == "GBIF_ID" and len(predicate["values"]) == 14


def test_every_layout_of_the_same_rows_counts_the_same(tmp_path: Path) -> None:
    expected = count_simple(text(tmp_path / "a.csv", ROWS))
    assert expected.ids == {"10", "9", "5", "4"}
    assert expected.by["mediaType"] == Counter({"StillImage": 5, "Sound": 2, "": 1, "StillImageX": 1})
    assert expected.rows == 8 and expected.wanted == 4
    assert count_simple(snapshot(tmp_path / "occurrence.parquet", ROWS)) == expected
    assert count_simple(snapshot(tmp_path / "wrapped", ROWS, wrap=True)) == expected
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as made:
        for part in sorted((tmp_path / "occurrence.parquet").iterdir()):
            made.write(part, f"occurrence.parquet/{part.name}")
    assert count_simple(tmp_path / "p.zip") == expected
    shuffled = plan_summary(count_simple(text(tmp_path / "b.csv", ROWS[::-1])))
    assert json.dumps(shuffled) == json.dumps(plan_summary(expected))


def test_a_malformed_row_is_counted_not_lost(tmp_path: Path) -> None:
    counts = count_simple(text(tmp_path / "a.csv", ROWS, extra="1\t2\n"))
    assert (counts.rows, counts.malformed, counts.wanted) == (9, 1, 4)


def test_what_is_wanted_narrows_the_question(tmp_path: Path) -> None:
    path = text(tmp_path / "a.csv", ROWS)
    assert count_simple(path, Wanted("Sound")).ids == {"9", "8"}
    want = Wanted(licences=("CC_BY_4_0",), bases=("HUMAN_OBSERVATION",), kingdoms=("Animalia",))
    counts = count_simple(path, want)
    assert counts.ids == {"10", "9"}
    assert plan_predicates(counts, want) == ({"type": "in", "key": "GBIF_ID", "values": ["9", "10"]},)
    (broad,) = plan_predicates(counts, want, "datasets")
    assert [part["key"] for part in broad["predicates"]] == [
        *("MEDIA_TYPE", "OCCURRENCE_STATUS", "DATASET_KEY", "LICENSE", "BASIS_OF_RECORD"),
    ]
    nothing = Wanted(kingdoms=("Fungi",))
    assert plan_predicates(count_simple(path, nothing), nothing) == ()


def test_more_records_than_gbif_takes_become_several_questions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = count_simple(text(tmp_path / "a.csv", [row(n) for n in range(1, 100_003)]))
    made = plan_predicates(counts, Wanted())
    assert [len(predicate["values"]) for predicate in made] == [100_000, 2]
    for predicate in made:
        check_predicate(predicate)
    monkeypatch.setattr(gbif_simple, "MAX_WANTED", 3)
    counts = count_simple(text(tmp_path / "b.csv", ROWS))
    assert counts.wanted == 4
    with pytest.raises(PullError, match="4 records are wanted"):
        plan_predicates(counts, Wanted())
    assert plan_predicates(counts, Wanted(), "datasets")


def test_what_is_no_such_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("gbifID\tkingdom\n1\tAnimalia\n")
    with pytest.raises(SourceError, match="no datasetKey, basisOfRecord"):
        count_simple(tmp_path / "a.csv")
    (tmp_path / "x").mkdir()
    with pytest.raises(SourceError, match="no table"):
        count_simple(tmp_path / "x")
    (tmp_path / "cut").write_bytes(b"PAR1 and then nothing")
    with pytest.raises(SourceError, match="no Parquet"):
        count_simple(tmp_path / "cut")


def test_the_command_writes_what_the_pull_reads(tmp_path: Path) -> None:
    def biomill(*arguments: str) -> str:
        command = [sys.executable, "-m", "pipeline.commands.cli", *arguments]
        done = subprocess.run(command, env=os.environ, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    path, out = text(tmp_path / "a.csv", ROWS), tmp_path / "plan"
    said = biomill("plan-gbif", str(path), "-o", str(out), "--kingdom", "Animalia")
    assert "8 rows, 0 malformed; 3 wanted of 1 datasets" in said
    assert sorted(file.name for file in out.iterdir()) == ["plan.json", "predicate-000.json"]
    question = str(out / "predicate-000.json")
    request = json.loads(biomill("pull", "gbif", "--predicate", question, "-o", str(tmp_path / "pull"), "--print"))
    assert request["predicate"] == {"type": "in", "key": "GBIF_ID", "values": ["5", "9", "10"]}
    assert request["format"] == "DWCA"
