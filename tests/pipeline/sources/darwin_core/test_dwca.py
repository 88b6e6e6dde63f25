"""Any Darwin Core Archive: terms by their last part, media joined to the core, every row accounted for."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from pipeline.model.errors import SourceError
from tests.pipeline.sources.conftest import Reader

META = """<?xml version="1.0"?><archive xmlns="http://rs.tdwg.org/dwc/text/">
<core rowType="http://rs.tdwg.org/dwc/terms/Occurrence" fieldsTerminatedBy="," ignoreHeaderLines="1">
<files><location>occurrence.csv</location></files><id index="0"/>
<field index="1" term="http://rs.tdwg.org/dwc/terms/scientificName"/>
<field index="2" term="http://rs.tdwg.org/dwc/terms/genus"/>
<field index="3" term="http://rs.tdwg.org/dwc/terms/specificEpithet"/>
<field term="http://rs.tdwg.org/dwc/terms/basisOfRecord" default="PreservedSpecimen"/></core>
<extension rowType="http://rs.tdwg.org/ac/terms/Multimedia" fieldsTerminatedBy="," ignoreHeaderLines="1">
<files><location>a.csv</location><location>b.csv</location></files><coreid index="0"/>
<field index="1" term="http://rs.tdwg.org/ac/terms/accessURI"/>
<field index="2" term="http://purl.org/dc/terms/identifier"/>
<field index="3" term="http://ns.adobe.com/xap/1.0/rights/UsageTerms" default="CC BY 4.0"/></extension></archive>"""
CORE = 'id,dwc:scientificName,dwc:genus,dwc:specificEpithet\nu1,"Puma concolor, L.",Puma,concolor\nu2,Lynx,Lynx,\n'
MEDIA = "coreid,ac:accessURI,dc:identifier,terms\n"


def archive(path: Path, core: str | bytes = CORE, a: str = MEDIA, b: str = MEDIA, meta: str = META) -> Path:
    with zipfile.ZipFile(path, "w") as out:
        for name, text in (("meta.xml", meta), ("occurrence.csv", core), ("a.csv", a), ("b.csv", b)):
            out.writestr(name, text)
    return path


def test_the_real_idigbio_archive_gives_all_its_media(data: Path, read_release: Reader) -> None:
    read = read_release("dwca", data / "idigbio")
    assert {split.table: split.rows for split in read.plan.splits} == {"occurrence": 916, "multimedia": 74}
    assert len(read.records) == 74
    assert set(read.outcomes()) <= {"no_media"}
    assert {row["license_id"] for row in read.records} == {"CC-BY-NC-SA-3.0"}
    assert all(row["media_url"].startswith("http") and row["scientific_name"] for row in read.records)
    assert {row["media_type"] for row in read.records} == {"StillImage"}
    small = read_release("dwca", data / "idigbio", target_bytes=20_000)
    assert len(small.plan.splits) > 10
    assert small.content() == read.content()


def test_media_of_several_files_join_the_core_and_inherit_defaults(tmp_path: Path, read_release: Reader) -> None:
    a = MEDIA + "u1,https://e.org/a.jpg,urn:x:1,\nu9,https://e.org/o.jpg,,\nu1,,urn:x:2,\n"
    b = MEDIA + "u1,https://e.org/b.jpg,,CC0\n,https://e.org/c.jpg,,\nu1,ragged\n"
    read = read_release("dwca", archive(tmp_path / "x.zip", a=a, b=b))
    urls = {row["media_url"]: row for row in read.records}
    assert set(urls) == {"https://e.org/a.jpg", "https://e.org/b.jpg"}
    assert [urls[f"https://e.org/{n}.jpg"]["license_id"] for n in "ab"] == ["CC-BY-4.0", "CC0-1.0"]
    assert read.outcomes() == {"orphan_media": 1, "no_url": 1, "id_missing": 1, "no_media": 1, "malformed_row": 1}
    row = urls["https://e.org/a.jpg"]
    assert (row["source_record_id"], row["scientific_name"], row["species"]) == (
        "u1",
        "Puma concolor, L.",
        "Puma concolor",
    )
    assert (row["basis_of_record"], row["image_category"]) == ("PreservedSpecimen", "specimen")
    assert row["locator_file"] == "x.zip!a.csv"
    assert all("gbifID" not in row["evidence"] for row in read.ended)


def test_a_file_in_another_encoding_than_declared_is_read_in_its_own(tmp_path: Path, read_release: Reader) -> None:
    core = CORE.replace("Lynx,Lynx", "Lýnx,Lynx").encode("cp1252")
    a = MEDIA + "u2,https://e.org/a.jpg,,\n"
    (row,) = read_release("dwca", archive(tmp_path / "x.zip", core=core, a=a)).records
    assert row["scientific_name"] == "Lýnx"


def test_simple_multimedia_keeps_its_address_in_identifier(tmp_path: Path, read_release: Reader) -> None:
    meta = META.replace("ac/terms/accessURI", "dwc/terms/title")
    a = MEDIA + "u2,a title,https://e.org/a.jpg,\n"
    (row,) = read_release("dwca", archive(tmp_path / "x.zip", a=a, meta=meta)).records
    assert row["media_url"] == "https://e.org/a.jpg"


def test_archives_without_media_or_ids_are_refused_in_words(tmp_path: Path, data: Path, read_release: Reader) -> None:
    with pytest.raises(SourceError, match="no table of media"):
        read_release("dwca", data / "gbif/malformed/python-dwca-reader/dwca-ids.zip")
    with pytest.raises(SourceError, match="no column with the core's id"):
        read_release("dwca", archive(tmp_path / "x.zip", meta=META.replace('<coreid index="0"/>', "<coreid/>")))
