"""GBIF downloads: tables found and joined, licences inherited, every row accounted for."""

from __future__ import annotations

import hashlib
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.model.errors import SourceError
from pipeline.model.ids import record_id
from tests.pipeline.sources.conftest import Reader

OCCURRENCE = (
    *("gbifID", "license", "rightsHolder", "references", "datasetKey", "publisher", "basisOfRecord", "eventRemarks"),
    *("occurrenceStatus", "eventDate", "decimalLatitude", "decimalLongitude", "countryCode", "scientificName"),
    *("taxonRank", "kingdom", "genus", "species", "taxonKey", "checklistKey", "issue", "eventID"),
)
MULTIMEDIA = ("gbifID", "type", "format", "identifier", "references", "creator", "publisher", "license", "rightsHolder")
BY, BY_NC = "http://creativecommons.org/licenses/by/4.0/", "http://creativecommons.org/licenses/by-nc/4.0/"


def occurrence(gbif_id: str, **cells: str) -> dict[str, str]:
    return {
        "gbifID": gbif_id,
        "license": "CC_BY_4_0",
        "basisOfRecord": "HUMAN_OBSERVATION",
        "scientificName": "Puma concolor (Linnaeus, 1771)",
        "taxonRank": "SPECIES",
        "species": "Puma concolor",
        "taxonKey": "2435099",
        **cells,
    }


def medium(gbif_id: str, url: str = "", **cells: str) -> dict[str, str]:
    return {"gbifID": gbif_id, "type": "StillImage", "format": "image/jpeg", "identifier": url, **cells}


def table(columns: tuple[str, ...], rows: list[dict[str, str]]) -> str:
    lines = ["\t".join(columns)] + ["\t".join(row.get(name, "") for name in columns) for row in rows]
    return "\n".join([*lines, ""])


def archive(path: Path, occurrences: list[dict[str, str]], media: list[dict[str, str]], **members: str) -> Path:
    with zipfile.ZipFile(path, "w") as out:
        out.writestr("occurrence.txt", table(OCCURRENCE, occurrences))
        out.writestr("multimedia.txt", table(MULTIMEDIA, media))
        for name, text in members.items():
            out.writestr(name.replace("__", "/").replace("_", "."), text)
    return path


def test_the_real_download_of_2020_joins_as_counted(data: Path, read_release: Reader) -> None:
    path = data / "gbif/dwca/0022697-200613084148143.zip"
    read = read_release("gbif-dwca", path)
    assert [(s.table, s.rows) for s in read.plan.splits] == [("occurrence", 1310), ("multimedia", 1362)]
    assert (len(read.records), read.absorbed) == (1361, 1074)
    assert read.outcomes() == {"orphan_media": 1, "no_media": 236}
    assert read.release.release == "10.15468/dl.4gbcs6"
    assert sum(row["media_key"].startswith("inat:") for row in read.records) == 1224
    assert {row["license_family"] for row in read.records} == {
        *("CC0", "CC-BY", "CC-BY-NC", "CC-BY-SA", "CC-BY-NC-SA", "CC-BY-NC-ND"),
    }
    # The same rows, whatever the splits and whether the archive was unpacked before.
    small = read_release("gbif-dwca", path, target_bytes=100_000)
    assert len(small.plan.splits) > 10
    assert small.content() == read.content()
    # A record leads back to its row in the archive.
    with zipfile.ZipFile(path) as archive:
        text = archive.read("multimedia.txt")
    for row in read.records[::97]:
        assert row["locator_file"] == f"{path.name}!multimedia.txt"
        line = text[row["locator_offset"] :].split(b"\n", 1)[0].decode()
        assert line.split("\t")[0] == row["source_record_id"]
        assert row["media_url"] in line
        assert text.split(b"\n")[row["locator_row"]].decode() == line


def test_column_order_does_not_matter_between_years(data: Path, read_release: Reader) -> None:
    read = read_release("gbif-dwca", data / "gbif/dwca/0000066-140928181241064.zip")
    assert (len(read.records), read.absorbed) == (210, 214)
    assert read.outcomes() == {"no_url": 5, "no_media": 256}
    assert {row["image_category"] for row in read.records} == {"specimen"}
    assert sum(row["license_family"] == "CC-BY" and row["license_source"] == "record" for row in read.records) == 203


def test_every_row_has_one_end(tmp_path: Path, read_release: Reader) -> None:
    path = archive(
        tmp_path / "a.zip",
        [occurrence("1"), occurrence("2"), occurrence(""), occurrence("4")],
        [
            medium("1", " https://e.org/a.jpg "),
            medium("1", "https://e.org/b.jpg"),
            medium("9", "https://e.org/c.jpg"),
            medium("2", "", references="https://e.org/page"),
            medium("", "https://e.org/d.jpg"),
        ],
    )
    read = read_release("gbif-dwca", path)
    md5 = [hashlib.md5(url.encode()).hexdigest() for url in ("https://e.org/a.jpg", "https://e.org/b.jpg")]
    assert [row["source_media_id"] for row in read.records] == md5
    assert read.records[0]["record_id"] == record_id("s", "1", md5[0])
    assert read.records[0]["media_url"] == "https://e.org/a.jpg"
    assert read.absorbed == 2
    ids = {row["outcome"]: row["row_id"] for row in read.ended}
    assert read.outcomes() == {"orphan_media": 1, "no_url": 1, "no_media": 1, "id_missing": 2}
    assert ids["no_media"] == record_id("s", "4", "")
    assert ids["orphan_media"] == record_id("s", "9", hashlib.md5(b"https://e.org/c.jpg").hexdigest())
    assert ids["no_url"] == record_id("s", "2", hashlib.md5(b"https://e.org/page").hexdigest())


def test_a_licence_is_inherited_and_never_replaced_by_a_kinder_one(tmp_path: Path, read_release: Reader) -> None:
    eml = f'<eml><intellectualRights><ulink url="{BY_NC}"><citetitle>x</citetitle></ulink></intellectualRights></eml>'
    key = "50c9509d-22c7-4a22-a47d-8c48425ef4a7"
    path = archive(
        tmp_path / "a.zip",
        [
            occurrence("1"),
            occurrence("2", license="", datasetKey=key),
            occurrence("3", license=""),
            occurrence("4", license="UNSPECIFIED"),
        ],
        [
            medium("1", "https://e.org/1", license="© The Museum"),
            medium("2", "https://e.org/2"),
            medium("3", "https://e.org/3"),
            medium("4", "https://e.org/4", license="CC BY 4.0 / CC0"),
            medium("1", "https://e.org/5"),
        ],
        **{f"dataset__{key}_xml": eml},
    )
    rows = {row["media_url"][-1]: row for row in read_release("gbif-dwca", path, license=BY).records}
    assert [(rows[n]["license_source"], rows[n]["license_id"]) for n in "12345"] == [
        ("media", None),
        ("dataset", "CC-BY-NC-4.0"),
        ("default", "CC-BY-4.0"),
        ("media", None),
        ("record", "CC-BY-4.0"),
    ]
    assert rows["1"]["issues"] == ["LICENSE_UNKNOWN"]
    assert rows["4"]["issues"] == ["LICENSE_AMBIGUOUS"]
    assert rows["1"]["license_family"] is None
    unstated = read_release("gbif-dwca", path).records
    assert [r["license_verbatim"] for r in unstated if r["media_url"].endswith("3")] == [None]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"type": "StillImage", "format": "image/jpg"}, ("StillImage", "image/jpeg", None)),
        ({"type": "", "format": ""}, ("StillImage", "image/jpeg", None)),
        ({"type": "Sound", "format": "audio/mpeg"}, ("Sound", "audio/mpeg", None)),
        ({"type": "image/png", "format": "StillImage"}, ("StillImage", "image/png", "TYPE_FORMAT_SWAPPED")),
        ({"type": "StillImage", "format": "text/html"}, ("InteractiveResource", "text/html", "MEDIA_TYPE_CONFLICT")),
        ({"type": "MovingImage", "format": ""}, ("MovingImage", "image/jpeg", None)),
    ],
)
def test_media_types_are_decided(
    cells: dict[str, str], expected: tuple[Any, ...], tmp_path: Path, read_release: Reader
) -> None:
    path = archive(tmp_path / "a.zip", [occurrence("1")], [medium("1", "https://e.org/a.JPG?x=1", **cells)])
    (row,) = read_release("gbif-dwca", path).records
    assert (row["media_type"], row["media_format"]) == expected[:2]
    assert row["issues"] == ([expected[2]] if expected[2] else [])


def test_occurrence_columns_are_mapped_and_checked(tmp_path: Path, read_release: Reader) -> None:
    rows = [
        occurrence("1", decimalLatitude="12.5", decimalLongitude="-0.25", issue="B_CODE;A_CODE", taxonKey="0"),
        occurrence("2", decimalLatitude="91", decimalLongitude="0", occurrenceStatus="absent", taxonKey="5WZLF"),
        occurrence("3", decimalLatitude="0", decimalLongitude="0.0", basisOfRecord="PRESERVED_SPECIMEN"),
        occurrence("4", decimalLatitude="abc", decimalLongitude="", eventRemarks="Camera Trap 7", scientificName=" "),
        occurrence("5", publisher="iNaturalist"),
    ]
    rows[1]["checklistKey"] = "7ddf754f-d193-4cc9-b351-99906754a03b"
    path = archive(tmp_path / "a.zip", rows, [medium(str(n), f"https://e.org/{n}.jpg") for n in range(1, 6)])
    read = read_release("gbif-dwca", path)
    found = [read.one(str(n)) for n in range(1, 6)]
    assert [(r["lat"], r["lon"]) for r in found] == [(12.5, -0.25), *[(None, None)] * 4]
    assert [r["issues"] for r in found] == [
        ["A_CODE", "B_CODE"],
        ["COORD_BAD"],
        ["COORD_ZERO"],
        ["COORD_BAD", "NAME_EMPTY"],
        [],
    ]
    assert [r["image_category"] for r in found] == ["field", "field", "specimen", "camera_trap", "citizen"]
    assert [r["taxon_id"] for r in found[:3]] == [None, "col:5WZLF", "gbif:2435099"]
    assert found[1]["occurrence_status"] == "ABSENT"
    assert (found[3]["scientific_name"], found[0]["species"]) == (None, "Puma concolor")
    assert found[0]["occurrence_key"] == "1"


def test_a_gbif_id_that_comes_twice_is_joined_once_whatever_the_order(tmp_path: Path, read_release: Reader) -> None:
    twins = [occurrence("1", countryCode="DE"), occurrence("1", countryCode="AT")]
    media = [medium("1", "https://e.org/a.jpg")]
    one = read_release("gbif-dwca", archive(tmp_path / "a.zip", twins, media))
    other = read_release("gbif-dwca", archive(tmp_path / "b.zip", twins[::-1], media), release=one.release.release)
    assert len(one.records) == 1
    assert one.absorbed == 2
    assert one.records[0]["issues"] == ["DUPLICATE_ID"]
    assert one.records[0]["country_code"] == other.records[0]["country_code"]


def test_shuffled_rows_give_the_same_content(tmp_path: Path, read_release: Reader) -> None:
    chance = random.Random(7)
    occurrences = [occurrence(str(n), countryCode=chance.choice(["DE", ""])) for n in range(60)]
    media = [medium(str(chance.randrange(70)), chance.choice(["", f"https://e.org/{n}.jpg"])) for n in range(150)]
    lines = [*media, {"gbifID": "x\ty\tz" + "\t" * 20}, {"gbifID": "x\ty\tz" + "\t" * 20}]
    one = read_release("gbif-dwca", archive(tmp_path / "a.zip", occurrences, lines), release="r")
    chance.shuffle(occurrences)
    chance.shuffle(lines)
    two = read_release("gbif-dwca", archive(tmp_path / "b.zip", occurrences, lines), release="r", target_bytes=500)
    assert one.content() == two.content()
    assert one.outcomes()["malformed_row"] == 2


def meta(occurrence_attributes: str, fields: str = "") -> str:
    return f"""
    <archive xmlns="http://rs.tdwg.org/dwc/text/" metadata="metadata.xml">
      <core {occurrence_attributes} rowType="http://rs.tdwg.org/dwc/terms/Occurrence">
        <files><location>o.csv</location></files><id index="0"/>{fields}
      </core>
      <extension fieldsTerminatedBy="\\t" linesTerminatedBy="\\n" fieldsEnclosedBy="" ignoreHeaderLines="1"
        rowType="http://rs.gbif.org/terms/1.0/Multimedia">
        <files><location>media.txt</location></files><coreid index="0"/>
      </extension>
    </archive>"""


def test_the_descriptor_says_where_tables_are_and_how_they_are_written(tmp_path: Path, read_release: Reader) -> None:
    fields = "".join(
        f'<field index="{n}" term="http://rs.tdwg.org/dwc/terms/{term}"/>'
        for n, term in enumerate(("occurrenceID", "scientificName", "countryCode"))
    )
    folder = tmp_path / "dwca" / "inner"
    folder.mkdir(parents=True)
    attributes = 'encoding="ISO-8859-1" fieldsTerminatedBy="," linesTerminatedBy="\\n" fieldsEnclosedBy=\'"\''
    (folder / "meta.xml").write_text(meta(attributes, fields))
    (folder / "o.csv").write_bytes('7,"Älpen, ""rose""",AT\n8,Rosa,DE\n'.encode("latin-1"))
    (folder / "media.txt").write_text("coreid\tidentifier\r\n7\thttps://e.org/a.jpg\r\n")
    read = read_release("gbif-dwca", tmp_path / "dwca")
    assert read.one("7")["scientific_name"] == 'Älpen, "rose"'
    assert read.one("7")["locator_file"] == "inner/media.txt"
    assert read.outcomes() == {"no_media": 1}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("<archive", "<!DOCTYPE x><archive", 1), "document type"),
        (lambda text: text.replace("</core>", ""), "no XML"),
        (lambda text: text.replace("ENC", "utf-16"), "utf-16"),
        (lambda text: text.replace("o.csv", "absent.csv"), "no occurrence table"),
        (lambda text: text.replace("media.txt", "absent.txt"), "no multimedia table"),
        (lambda text: text.replace('index="0"', 'index="zero"', 1), "zero"),
        (lambda text: text.replace("SEP", "||"), "delimiter"),
    ],
)
def test_a_descriptor_that_cannot_be_followed_is_refused(
    change: Callable[[str], str], message: str, tmp_path: Path, read_release: Reader
) -> None:
    text = meta('encoding="ENC" fieldsTerminatedBy="SEP" fieldsEnclosedBy="" ignoreHeaderLines="1"')
    text = change(text).replace("ENC", "UTF-8").replace("SEP", "\\t")
    (tmp_path / "meta.xml").write_text(text)
    (tmp_path / "o.csv").write_text("gbifID\tscientificName\n1\tRosa\n")
    (tmp_path / "media.txt").write_text("gbifID\tidentifier\n1\thttps://e.org/a.jpg\n")
    with pytest.raises(SourceError, match=message):
        read_release("gbif-dwca", tmp_path)


def test_a_table_without_gbif_id_is_refused(tmp_path: Path, read_release: Reader) -> None:
    (tmp_path / "occurrence.txt").write_text("id\tscientificName\n1\tRosa\n")
    (tmp_path / "multimedia.txt").write_text("gbifID\tidentifier\n")
    with pytest.raises(SourceError, match="no column gbifID"):
        read_release("gbif-dwca", tmp_path)


def test_header_only_tables_give_no_rows(tmp_path: Path, read_release: Reader) -> None:
    read = read_release("gbif-dwca", archive(tmp_path / "a.zip", [], []))
    assert (read.rows, read.plan.buckets) == (0, 1)
