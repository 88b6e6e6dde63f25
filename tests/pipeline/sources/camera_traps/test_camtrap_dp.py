"""Camtrap DP: observations meet their media, events label what nothing else labels, and every row has one end."""

from __future__ import annotations

import csv
import io
import json
import random
import shutil
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.model.errors import SourceError
from pipeline.model.ids import record_id
from pipeline.sources.camera_traps.camtrap_events import Event, Frame, instant, label_frames
from tests.pipeline.sources.conftest import Read, Reader

KIND = "camtrap-dp"
HEADERS = {
    "deployments": "deploymentID locationID latitude longitude",
    "media": "mediaID deploymentID captureMethod timestamp filePath filePublic fileName fileMediatype exifData",
    "observations": "observationID deploymentID mediaID eventID eventStart eventEnd observationLevel observationType "
    "scientificName count lifeStage sex bboxX bboxY bboxWidth bboxHeight classificationMethod",
}
EXIF = json.dumps({"EXIF": {"ExifImageWidth": 2000, "ExifImageHeight": 1000}})
Cells = dict[str, str]
Tables = dict[str, list[Cells]]


def medium(number: int, **cells: str) -> Cells:
    place = {"filePath": f"https://h.example/{number}/file", "filePublic": "true", "fileMediatype": "image/jpeg"}
    time = f"2021-04-11T20:{number:02}:00+02:00"
    return {"mediaID": f"m{number}", "deploymentID": "d1", "timestamp": time, **place, **cells}


def seen(number: int, of: int, name: str = "Ardea cinerea", **cells: str) -> Cells:
    base = {"observationID": f"o{number}", "deploymentID": "d1", "mediaID": f"m{of}", "eventID": f"e{of // 10}"}
    kind = {"observationLevel": "media", "observationType": "animal", "scientificName": name}
    return {**base, **kind, "classificationMethod": "human", **cells}


def event(number: int, first: int, last: int, name: str = "Anas strepera", **cells: str) -> Cells:
    times = {"eventStart": f"2021-04-11T18:{first:02}:00Z", "eventEnd": f"2021-04-11T18:{last:02}:00Z"}
    return seen(
        number, 0, name, **{"mediaID": "", "eventID": f"ev{number}", "observationLevel": "event", **times, **cells}
    )


def table(name: str, rows: list[Cells], newline: str = "\n") -> bytes:
    out, header = io.StringIO(), HEADERS[name].split()
    writer = csv.writer(out, lineterminator=newline)
    writer.writerow(header)
    writer.writerows([[row.get(column, "") for column in header] for row in rows])
    return out.getvalue().encode()


def descriptor(**more: Any) -> dict[str, Any]:
    taxon_id = "https://www.checklistbank.org/dataset/COL2023/taxon/GCHS"
    taxon = {"scientificName": "Ardea cinerea", "taxonRank": "species", "vernacularNames": {"eng": "grey heron"}}
    return {
        "resources": [{"name": name, "path": f"{name}.csv"} for name in HEADERS],
        "id": "pack",
        "licenses": [{"name": "CC0-1.0", "scope": "data"}, {"name": "CC-BY-4.0", "scope": "media"}],
        "contributors": [{"title": "INBO", "role": "rightsHolder", "email": "a@b.example"}],
        "taxonomic": [{**taxon, "taxonID": taxon_id, "order": "Pelecaniformes"}],
        **more,
    }


def write(folder: Path, tables: Tables, **more: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "datapackage.json").write_text(json.dumps(descriptor(**more)))
    deployments = {"deployments": [{"deploymentID": "d1", "latitude": "51.5", "longitude": "4.7"}]}
    for name in HEADERS:
        (folder / f"{name}.csv").write_bytes(table(name, {**deployments, **tables}.get(name, [])))
    return folder


def test_observations_become_records(tmp_path: Path, read_release: Reader) -> None:
    box = {"bboxX": "0.25", "bboxY": "0.5", "bboxWidth": "0.1", "bboxHeight": "0.2"}
    tables: Tables = {
        "media": [medium(1, exifData=EXIF), medium(2, filePath="media/2 b.JPG", timestamp="2020-07-29TT05:29:41Z")],
        "observations": [seen(1, 1, sex="female", lifeStage="adult", **box), seen(2, 2, "Ardea", **box), seen(3, 2)],
    }
    read = read_release(KIND, write(tmp_path / "p", tables), media="store")
    first, second, third = (read.one(key) for key in ("o1", "o2", "o3"))
    assert (read.ended, read.absorbed, read.release.release) == ([], 2, "pack")
    assert first["record_id"] == record_id("s", "o1", "m1", "o1")
    assert [first[f"box_{side}"] for side in "xywh"] == [500, 500, 200, 200]
    assert (first["media_width"], first["media_height"], first["media_format"]) == (2000, 1000, "image/jpeg")
    assert (first["media_url"], first["media_key"]) == ("https://h.example/1/file", "url:h.example/1/file")
    assert (first["license_id"], first["license_source"], first["rights_holder"]) == ("CC-BY-4.0", "dataset", "INBO")
    assert (first["taxon_id"], first["rank_verbatim"], first["order"]) == ("col:GCHS", "species", "Pelecaniformes")
    assert (first["vernacular_name"], first["sex"], first["life_stage"]) == ("grey heron", "Female", "Adult")
    assert (first["lat"], first["lon"], first["occurrence_key"], first["label_status"]) == (51.5, 4.7, "e0", "human")
    assert (first["event_date"], first["issues"]) == ("2021-04-11T20:01:00+02:00", [])
    assert (second["media_path"], second["media_url"], second["media_key"]) == (
        "media/2 b.JPG",
        "",
        "camtrap-dp:pack:m2",
    )
    assert (second["box_x"], second["box_id"]) == (None, "o2")
    assert second["issues"] == ["BOX_WITHOUT_SIZE", "TIME_BAD"]
    assert (second["event_year"], second["event_month"], second["event_time"]) == (2020, 7, None)
    assert (third["box_id"], third["issues"]) == ("", ["TIME_BAD"])
    assert "example" not in json.dumps([r for r in read.records if not r["media_url"]])


def test_every_row_has_one_end(tmp_path: Path, read_release: Reader) -> None:
    box = {"bboxX": "0.9", "bboxY": "0.5", "bboxWidth": "0.5", "bboxHeight": "0.2"}
    tables: Tables = {
        "media": [
            *(medium(1), medium(2, filePublic="False"), medium(3, mediaID=""), medium(4, filePath=""), medium(5)),
            *(medium(5, fileName="again"), medium(6, filePath="media/6.jpg"), medium(7, deploymentID="d2")),
        ],
        "observations": [
            *(seen(1, 1), seen(2, 2), seen(3, 99), seen(4, 4), seen(5, 5), seen(6, 6), seen(7, 7)),
            *(seen(8, 7, deploymentID="d2"), seen(9, 1, "", observationType="blank"), seen(10, 1, "Homo sapiens")),
            *(seen(11, 1, "", observationType="vehicle"), seen(12, 1, **box), seen(13, 1, observationID="")),
            *(seen(14, 1, "", observationType="unknown"), event(15, 40, 50), event(16, 1, 2), event(17, 9, 1, "x")),
        ],
    }
    read = read_release(KIND, write(tmp_path / "p", tables))
    assert read.outcomes() == {
        "not_public": 1,
        "no_media": 4,
        "no_url": 2,
        "blank": 1,
        "human": 1,
        "vehicle": 1,
        "bad_box": 1,
        "id_missing": 2,
    }
    assert {r["source_record_id"]: r["issues"] for r in read.records} == {
        "o1": [],
        "o5": ["DUPLICATE_ID"],
        "o8": ["DEPLOYMENT_MISSING"],
        "o14": ["NAME_EMPTY"],
    }
    assert (read.rows, read.absorbed) == (25, 8)
    rules = [json.loads(r["evidence"])["rule"] for r in read.ended if r["outcome"] == "no_url"]
    assert any("`media`" in rule for rule in rules)


def test_events_label_what_nothing_else_labels(tmp_path: Path, read_release: Reader) -> None:
    tables: Tables = {
        "media": [medium(number) for number in (1, 2, 10, 11, 20, 30, 40, 50)],
        "observations": [
            *(seen(1, 1), event(21, 1, 2), event(22, 10, 12), event(23, 11, 12), event(24, 20, 21)),
            *(event(25, 20, 20, "Anas crecca"), event(26, 30, 30, "", observationType="blank")),
            *(event(27, 40, 40), event(28, 39, 41, "", observationType="human")),
        ],
    }
    read = read_release(KIND, write(tmp_path / "p", tables))
    found = {r["source_record_id"]: (r["scientific_name"], r["issues"], r["occurrence_key"]) for r in read.records}
    assert found == {
        "o1": ("Ardea cinerea", [], "e0"),
        "m2": ("Anas strepera", ["LABEL_OF_SEQUENCE"], "ev21"),
        "m10": ("Anas strepera", ["LABEL_OF_SEQUENCE"], "ev22"),
        "m11": ("Anas strepera", ["LABEL_OF_SEQUENCE"], "ev23"),
        "m20": (None, ["LABELS_DISAGREE", "NAME_EMPTY"], "ev24"),
        "m50": (None, ["NAME_EMPTY", "NO_LABEL"], "m50"),
    }
    assert read.outcomes() == {"blank": 1, "human": 1}
    assert read.absorbed == 1 + 8


def read_whole(read: Read, media: list[Cells], observations: list[Cells]) -> None:
    """Check a package whose media all have observations of their own against a plain reading of its tables."""
    by_id = {row["mediaID"]: row for row in media}
    expected: Counter[str] = Counter()
    kept = {}
    for row in observations:
        if row["mediaID"]:
            kind = row["observationType"]
            if by_id[row["mediaID"]]["filePublic"] == "false":
                expected["not_public"] += 1
            elif kind in ("human", "vehicle", "blank"):
                expected[kind] += 1
            else:
                kept[row["observationID"]] = row
    assert read.outcomes() == expected
    assert {r["source_record_id"] for r in read.records} == set(kept)
    assert read.absorbed == len(media) + sum(not row["mediaID"] for row in observations)
    for record in read.records:
        row = kept[record["source_record_id"]]
        assert (record["scientific_name"] or "") == row["scientificName"]
        assert (record["occurrence_key"], record["source_media_id"]) == (row["eventID"], row["mediaID"])


def rows_of(path: Path) -> list[Cells]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def test_the_real_package_is_read_whole(data: Path, read_release: Reader) -> None:
    folder = data / "cameratraps/camtrap-dp"
    media, observations = rows_of(folder / "media.csv"), rows_of(folder / "observations.csv")
    read = read_release(KIND, folder, media=str(folder), target_bytes=20_000)
    assert (len(media), len(observations), read.rows) == (423, 549, 972)
    read_whole(read, media, observations)
    assert {r["license_id"] for r in read.records} == {"CC-BY-4.0"}
    heron = [r for r in read.records if r["media_path"]]
    assert len({r["source_media_id"] for r in heron}) == 10 and len({r["occurrence_key"] for r in heron}) == 1
    assert all((folder / r["media_path"]).exists() for r in heron)
    boxed = {row["observationID"] for row in observations if row["bboxX"]}
    assert {r["source_record_id"] for r in read.records if r["box_id"]} == boxed & {
        r["source_record_id"] for r in read.records
    }
    exif = {row["mediaID"] for row in media if row["exifData"]}
    for record in read.records:
        assert (record["media_width"] == 2048) == (record["source_media_id"] in exif)
        assert (record["box_x"] is not None) == (bool(record["box_id"]) and record["media_width"] is not None)
    assert not any(path.endswith(".JPG") for path in read.release.files)


def test_a_zip_and_shuffled_rows_make_no_difference(data: Path, tmp_path: Path, read_release: Reader) -> None:
    folder = data / "cameratraps/camtrap-dp"
    with zipfile.ZipFile(tmp_path / "p.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner/datapackage.json", (folder / "datapackage.json").read_bytes())
        for name in HEADERS:
            header, *lines = (folder / f"{name}.csv").read_text().splitlines()
            random.Random(3).shuffle(lines)
            archive.writestr(f"inner/{name}.csv", "\r\n".join([header, *lines]) + "\r\n")
    one = read_release(KIND, folder, media="m")
    two = read_release(KIND, tmp_path / "p.zip", media="m", target_bytes=9_000, buckets=3)
    assert len(two.plan.splits) > 15 and two.plan.join_key == "deploymentID"
    assert one.content() == two.content()


def test_shuffled_events_make_no_difference(tmp_path: Path, read_release: Reader) -> None:
    names = ("Anas crecca", "Anas strepera", "Anas crecca")
    tables: Tables = {
        "media": [medium(number) for number in range(1, 59, 2)],
        "observations": [event(n, n, n + n % 7, names[n % 3]) for n in range(1, 50)] + [seen(99, 7)],
    }
    one = read_release(KIND, write(tmp_path / "a", tables))
    for rows in tables.values():
        random.Random(9).shuffle(rows)
    assert one.content() == read_release(KIND, write(tmp_path / "b", tables), target_bytes=500).content()


def test_the_broken_real_package_gives_issues_or_clear_errors(data: Path, tmp_path: Path, read_release: Reader) -> None:
    folder = data / "cameratraps/parsing_issues"
    with pytest.raises(SourceError, match=r"no datapackage\.json"):
        read_release(KIND, folder)
    shutil.copytree(folder, tmp_path / "p")
    (tmp_path / "p").chmod(0o755)
    (tmp_path / "p/datapackage_for_parsing_issues.json").rename(tmp_path / "p/datapackage.json")
    read = read_release(KIND, tmp_path / "p")
    assert (read.rows, len(read.records), read.absorbed) == (8, 4, 1)
    assert read.outcomes() == {"no_media": 3}  # three sequences have no medium in the package
    issues = [set(r["issues"]) for r in sorted(read.records, key=lambda r: str(r["event_date"]))]
    assert sum("TIME_BAD" in found for found in issues) == 1
    assert {r["occurrence_key"] for r in read.records} == {"8f5ffbf2-52c4-4dd2-b502-d93a8aa64640"}
    assert {r["license_id"] for r in read.records} == {None}
    (tmp_path / "p/media_parsing_issues.csv").unlink()
    with pytest.raises(SourceError, match="media is not in the package"):
        read_release(KIND, tmp_path / "p")


def test_what_is_no_release_is_refused(tmp_path: Path, read_release: Reader) -> None:
    with pytest.raises(SourceError, match=r"no datapackage\.json"):
        read_release(KIND, tmp_path)
    folder = write(tmp_path / "p", {})
    for text, message in (("{", "no JSON"), ("[]", "no JSON object"), ("[" * 99_999, "no JSON"), ("{}", "no resource")):
        (folder / "datapackage.json").write_text(text)
        with pytest.raises(SourceError, match=message):
            read_release(KIND, folder)
    for path in ("../../etc/passwd", "https://h.example/media.csv", ""):
        resources = [{"name": name, "path": f"{name}.csv"} for name in HEADERS]
        resources[1]["path"] = path
        with pytest.raises(SourceError, match="media is not in the package"):
            read_release(KIND, write(folder, {}, resources=resources))
    resources = [{"name": name, "path": f"{name}.csv", "encoding": "utf-16"} for name in HEADERS]
    with pytest.raises(SourceError, match="encoding"):
        read_release(KIND, write(folder, {}, resources=resources))
    (write(folder, {}) / "observations.csv").write_text("observationID,deploymentID\n")
    with pytest.raises(SourceError, match="no column observationType"):
        read_release(KIND, folder)


TIME = st.integers(0, 12).map(float) | st.just(float("nan"))
LABEL = st.sampled_from([("animal", "a"), ("animal", "b"), ("human", ""), ("blank", "")])


@settings(max_examples=150, deadline=None)
@given(
    events=st.lists(st.tuples(st.sampled_from("de"), TIME, TIME, LABEL), max_size=12),
    frames=st.lists(st.tuples(st.sampled_from("de"), TIME), max_size=8),
)
def test_the_sweep_finds_what_a_plain_search_finds(
    events: list[tuple[str, float, float, tuple[str, str]]], frames: list[tuple[str, float]]
) -> None:
    given_ = [Event(d, "", start, end, label) for d, start, end, label in events]
    verdicts = label_frames([Frame(d, "", time) for d, time in frames], given_)
    for (deployment, time), verdict in zip(frames, verdicts, strict=True):
        labels = {e.label for e in given_ if e.deployment == deployment and e.start <= time <= e.end}
        if not labels:
            assert verdict is None
            continue
        assert verdict is not None and verdict.agreed == (len(labels) == 1)
        if verdict.agreed:
            assert {verdict.label} == labels
        else:
            assert verdict.label == (("human", "") if ("human", "") in labels else ("", ""))


@given(st.text(max_size=30))
def test_any_text_is_a_time_or_none(text: str) -> None:
    assert isinstance(instant(text), float)


CELL = st.one_of(
    st.text(max_size=8),
    st.sampled_from(["m1", "d1", "e0", "2021-04-11T20:01:00Z", "0.5", "false", "human", "Ardea", EXIF, "1e308"]),
)


def hostile(name: str) -> st.SearchStrategy[list[Cells]]:
    return st.lists(st.dictionaries(st.sampled_from(HEADERS[name].split()), CELL), max_size=6)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(media=hostile("media"), observations=hostile("observations"), tail=st.binary(max_size=60))
def test_hostile_tables_balance(
    media: list[Cells],
    observations: list[Cells],
    tail: bytes,
    tmp_path_factory: pytest.TempPathFactory,
    read_release: Reader,
) -> None:
    folder = tmp_path_factory.mktemp("hostile")
    tables: Tables = {"media": [medium(1), *media], "observations": [seen(1, 1), *observations]}
    try:
        write(folder, tables)
    except UnicodeEncodeError:
        return
    for name in HEADERS:
        with (folder / f"{name}.csv").open("ab") as file:
            file.write(tail)
    read = read_release(KIND, folder)  # checks every balance
    for row in read.records:
        sides = [row[f"box_{side}"] for side in "xywh"]
        assert all(side is None for side in sides) or all(side is not None and side >= 0 for side in sides)
