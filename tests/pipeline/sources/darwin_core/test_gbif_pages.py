"""Search answers read as records: exactly what the same rows would be in a download."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.model.errors import SourceError
from pipeline.sources import open_source
from pipeline.sources.darwin_core.gbif_flat import medium_row, occurrence_row
from pipeline.sources.darwin_core.gbif_map import CATALOGUE_OF_LIFE, MULTIMEDIA_COLUMNS, OCCURRENCE_COLUMNS
from pipeline.sources.release.release_note import ReleaseNote
from tests.pipeline.sources.conftest import Reader
from tests.pipeline.sources.darwin_core.test_gbif import archive, medium, occurrence, table

URL = "https://e.org/a.jpg"


def record(number: int, /, *media: Any, **members: Any) -> dict[str, Any]:
    return {
        "key": number,
        "gbifID": str(number),
        "license": "http://creativecommons.org/licenses/by/4.0/legalcode",
        "basisOfRecord": "HUMAN_OBSERVATION",
        "scientificName": "Puma concolor (Linnaeus, 1771)",
        "taxonKey": 2435099,
        "media": list(media),
        **members,
    }


def pages(folder: Path, *results: list[Any]) -> Path:
    folder.mkdir(exist_ok=True)
    for number, found in enumerate(results):
        answer = {"offset": 300 * number, "count": 9, "endOfRecords": False, "results": found, "facets": []}
        (folder / f"page-{300 * number:06d}.json").write_text(json.dumps(answer))
    return folder


def test_real_records_are_what_a_download_would_make_of_them(data: Path, tmp_path: Path, read_release: Reader) -> None:
    path = data / "gbif/api/occurrence_records.jsonl.gz"
    read = read_release("gbif-pages", path, release="r", target_bytes=100_000)
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    media = [(found, item) for found in records for item in found["media"]]
    assert (len(records), len(media)) == (909, 1158)
    assert read.rows == 909 + 1158
    assert read.outcomes()["no_url"] == 35
    with_url = {found["gbifID"] for found in records if found["media"]}
    assert read.outcomes()["no_media"] == 909 - len(with_url)
    assert len(read.records) == 1158 - 35
    # The same cells, written as a download.
    occurrences = [{k: v or "" for k, v in occurrence_row(found).items()} for found in records]
    rows = [{k: v or "" for k, v in medium_row(found, item).items()} for found, item in media]
    (tmp_path / "dwca").mkdir()
    (tmp_path / "dwca/occurrence.txt").write_text(table(OCCURRENCE_COLUMNS, occurrences), encoding="utf-8")
    (tmp_path / "dwca/multimedia.txt").write_text(table(MULTIMEDIA_COLUMNS, rows), encoding="utf-8")
    assert read_release("gbif-dwca", tmp_path / "dwca", release="r").content() == read.content()


def test_a_page_gives_the_records_of_the_same_download(tmp_path: Path, read_release: Reader) -> None:
    cells = {"license": "http://creativecommons.org/licenses/by/4.0/legalcode", "taxonRank": "", "species": ""}
    download = archive(
        tmp_path / "a.zip",
        [occurrence("1", **cells, issue="A;B"), occurrence("2", **cells)],
        [medium("1", URL), medium("2", "", references="https://e.org/page")],
    )
    still = {"type": "StillImage", "format": "image/jpeg"}
    folder = pages(
        tmp_path / "p",
        [record(1, {**still, "identifier": URL}, issues=["A", "B"])],
        [record(2, {**still, "references": "https://e.org/page"})],
    )
    read = read_release("gbif-pages", folder, release="r")
    assert read.content() == read_release("gbif-dwca", download, release="r").content()
    (made,) = read.records
    assert (made["locator_file"], made["locator_row"]) == ("page-000000.json", 1)
    assert read.ended[0]["locator_file"] == "page-000300.json"


def test_what_is_no_record_or_medium_costs_one_row(tmp_path: Path, read_release: Reader) -> None:
    good = {"identifier": URL, "type": "StillImage"}
    folder = pages(tmp_path / "p", [record(1, good, "x", 7), "no record", None, record(2, good, key=None, gbifID="")])
    read = read_release("gbif-pages", folder)
    assert read.outcomes() == {"malformed_row": 4, "id_missing": 2}
    assert sorted(row["raw"] for row in read.ended if row["outcome"] == "malformed_row") == [
        '"no record"', '"x"', "7", "null",
    ]  # fmt: skip
    assert len(read.records) == 1
    (tmp_path / "lines.jsonl").write_text(json.dumps(record(1, good)) + "\n\n{cut\n")
    read = read_release("gbif-pages", tmp_path / "lines.jsonl")
    assert (len(read.records), read.outcomes()) == (1, {"malformed_row": 1})


def test_hostile_values_stay_in_their_cell(tmp_path: Path, read_release: Reader) -> None:
    name = "Puma\tconcolor\n\u2028\x00\x1f\ud800 L."
    folder = pages(tmp_path / "p", [record(1, {"identifier": URL}, scientificName=name, sex={"a": 1}, genus=[1, "b"])])
    (made,) = read_release("gbif-pages", folder).records
    assert made["scientific_name"] == "Puma concolor    ? L."
    assert (made["sex"], made["genus"]) == (None, "1;b")


def test_a_taxon_key_is_of_the_checklist_it_was_classified_by(tmp_path: Path, read_release: Reader) -> None:
    known = {CATALOGUE_OF_LIFE: {"usage": {"key": "6W3C4"}}}
    folder = pages(
        tmp_path / "p", [record(1, {"identifier": URL}, classifications=known), record(2, {"identifier": URL})]
    )
    assert {row["taxon_id"] for row in read_release("gbif-pages", folder).records} == {"gbif:2435099"}
    ReleaseNote("gbif", "search", key="search-1", checklist=CATALOGUE_OF_LIFE).write(folder)
    read = read_release("gbif-pages", folder)
    assert [row["taxon_id"] for row in read.records] == ["col:6W3C4", "gbif:2435099"]
    assert read.release.release == "search-1"
    assert [Path(file).name for file in read.release.files] == ["page-000000.json", "release.json"]


def test_a_download_has_the_name_and_checklist_that_its_puller_noted(tmp_path: Path, read_release: Reader) -> None:
    key = "0022697-200613084148143"
    path = archive(tmp_path / f"{key}.zip", [occurrence("1", taxonKey="6W3C4")], [medium("1", URL)])
    assert read_release("gbif-dwca", path).records[0]["taxon_id"] == "gbif:6W3C4"
    note = ReleaseNote("gbif", "download", key=key, doi="10.15468/dl.4gbcs6", checklist=CATALOGUE_OF_LIFE)
    note.write(tmp_path)
    read = read_release("gbif-dwca", path)
    assert read.release.release == "10.15468/dl.4gbcs6"
    assert read.records[0]["taxon_id"] == "col:6W3C4"
    assert str(tmp_path / "release.json") in read.release.files
    # A note beside a file speaks of that file only.
    other = archive(tmp_path / "other.zip", [occurrence("1")], [medium("1", URL)])
    assert read_release("gbif-dwca", other).release.release == "other"
    (tmp_path / "release.json").write_text('{"provider": "gbif", "kind": "download", "doi": 7}')
    with pytest.raises(SourceError, match="no readable doi"):
        read_release("gbif-dwca", path)


def test_what_is_no_finished_pull_is_refused(tmp_path: Path, read_release: Reader) -> None:
    folder = pages(tmp_path / "p", [record(1)])
    (folder / "pull.json").write_text('{"done": false}')
    with pytest.raises(SourceError, match="not finished"):
        read_release("gbif-pages", folder)
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="no pages"):
        read_release("gbif-pages", tmp_path / "empty")
    (tmp_path / "x.json").write_text('{"features": [1]}')
    with pytest.raises(SourceError, match="no records but features"):
        read_release("gbif-pages", tmp_path / "x.json")
    (tmp_path / "cut.json").write_text('{"results": [{"key": 1}')
    with pytest.raises(SourceError):
        read_release("gbif-pages", tmp_path / "cut.json")
    assert open_source("gbif-pages").kind == "gbif-pages"
