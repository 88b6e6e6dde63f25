"""Every kind of source fills what a choice or a split of records asks for, as far as its layout states it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.model.records import RECORD_SCHEMA
from pipeline.sources import SOURCES
from pipeline.sources.eol.media_manifest import MANIFEST_COLUMNS
from tests.pipeline.sources.bioscan import test_bioscan1m as bioscan1m
from tests.pipeline.sources.bioscan import test_bioscan5m as bioscan5m
from tests.pipeline.sources.camera_traps import test_camtrap_dp as camtrap
from tests.pipeline.sources.camera_traps import test_coco_camera_traps as coco
from tests.pipeline.sources.camera_traps import test_lila as lila
from tests.pipeline.sources.conftest import Reader
from tests.pipeline.sources.darwin_core import test_dwca as dwca
from tests.pipeline.sources.darwin_core import test_gbif_pages as pages
from tests.pipeline.sources.darwin_core.test_gbif import medium, occurrence, table
from tests.pipeline.sources.eol import test_eol as eol
from tests.pipeline.sources.fathomnet import test_fathomnet as fathomnet
from tests.pipeline.sources.inat import test_biotrove as biotrove
from tests.pipeline.sources.inat import test_inat as inat

Row = dict[str, Any]
COLUMNS = (
    *("individual_key", "sequence_key", "location_key", "event_year", "event_month", "event_time", "recorded_by"),
    *("quality_grade", "coordinate_uncertainty_m", "country_code", "country_verbatim", "sex", "sex_verbatim"),
    *("life_stage", "life_stage_verbatim"),
)
TRAP = {
    "basisOfRecord": "MACHINE_OBSERVATION",
    "eventID": "burst-7",
    "parentEventID": "deployment-3",
    "organismID": "tiger-4",
    "eventDate": "2021-04-11T20:01:30Z",
    "recordedBy": "A. Person",
    "coordinateUncertaintyInMeters": "30",
    "countryCode": "GB",
    "sex": "FEMALE",
    "lifeStage": "Juv.",
    "identificationVerificationStatus": "research",
}
OF_TRAP = {
    "individual_key": "tiger-4",
    "sequence_key": "burst-7",
    "location_key": "deployment-3",
    "event_year": 2021,
    "event_month": 4,
    "event_time": "20:01:30",
    "recorded_by": "A. Person",
    "quality_grade": "research",
    "coordinate_uncertainty_m": 30.0,
    "country_code": "GB",
    "country_verbatim": "GB",
    "sex": "Female",
    "sex_verbatim": "FEMALE",
    "life_stage": "Juvenile",
    "life_stage_verbatim": "Juv.",
}


def gbif(folder: Path, *cells: dict[str, str]) -> Path:
    folder.mkdir()
    occurrences = [occurrence(str(number), **each) for number, each in enumerate(cells, 1)]
    columns = tuple(dict.fromkeys(name for row in occurrences for name in row))
    (folder / "occurrence.txt").write_text(table(columns, occurrences))
    media = [medium(row["gbifID"], f"https://e.org/{row['gbifID']}.jpg") for row in occurrences]
    (folder / "multimedia.txt").write_text(table(("gbifID", "type", "format", "identifier"), media))
    return folder


def meta(*terms: str) -> str:
    fields = "".join(
        f'<field index="{place}" term="http://rs.tdwg.org/dwc/terms/{term}"/>' for place, term in enumerate(terms, 1)
    )
    return dwca.META.replace('<field index="1" term="http://rs.tdwg.org/dwc/terms/scientificName"/>', fields, 1)


def written(kind: str, folder: Path) -> tuple[Path, dict[str, str], Row]:
    """Write a release of a kind; give it, what the recipe says beside it, and the columns of its one record."""
    camera = {"sequence_key": "s1", "event_year": 2012, "event_month": 5}
    match kind:
        case "gbif-dwca":
            return gbif(folder / "g", TRAP), {}, OF_TRAP
        case "gbif-pages":
            still = {"type": "StillImage", "format": "image/jpeg", "identifier": "https://e.org/a.jpg"}
            return pages.pages(folder / "p", [pages.record(1, still, **TRAP)]), {"release": "r"}, OF_TRAP
        case "dwca":
            terms = ("scientificName", "individualID", "locationID", "year", "month", "country", "sex", "lifeStage")
            core = f"id,{','.join(terms)}\nu1,Lynx lynx,lynx-2,site 9,1931,6,Costa Rica,2 females,blob\n"
            text = meta(*terms).replace('index="2" term="http://rs.tdwg.org/dwc/terms/genus"', 'term="x:a" default=""')
            text = text.replace(
                'index="3" term="http://rs.tdwg.org/dwc/terms/specificEpithet"', 'term="x:b" default=""'
            )
            path = dwca.archive(folder / "d.zip", core, dwca.MEDIA + "u1,https://e.org/a.jpg,,\n", meta=text)
            expected = {"individual_key": "lynx-2", "location_key": "site 9", "event_year": 1931, "event_month": 6}
            country = {"country_code": "CR", "country_verbatim": "Costa Rica"}
            own = {"sex": "Female", "sex_verbatim": "2 females", "life_stage_verbatim": "blob"}
            return path, {}, {**expected, **country, **own}
        case "eol":
            return eol.manifest(folder / "m", {"media_manifest_1.csv": [MANIFEST_COLUMNS, eol.row()]}), {}, {}
        case "bioscan5m":
            (folder / "metadata.csv").write_bytes(bioscan5m.table([bioscan5m.specimen("A-1", country="Costa Rica")]))
            return folder / "metadata.csv", {}, {"country_code": "CR", "country_verbatim": "Costa Rica"}
        case "bioscan1m":
            (folder / "metadata.tsv").write_bytes(bioscan1m.table([bioscan1m.insect("A-1")]))
            return folder / "metadata.tsv", {}, {}
        case "fathomnet":
            found = fathomnet.image(1, fathomnet.box(1), timestamp="2023-07-02T12:30:00Z")
            expected = {"event_year": 2023, "event_month": 7, "event_time": "12:30:00", "quality_grade": "verified"}
            return fathomnet.write(folder / "i.json", [found]), {}, expected
        case "inat-open-data":
            rows = {"observations": [inat.observation(1)], "photos": [inat.photo(11, 1)]}
            expected = {"event_year": 2020, "event_month": 5, "quality_grade": "research", "recorded_by": "Kit O'Hara"}
            return inat.write(folder / "inat", rows), {}, {**expected, "coordinate_uncertainty_m": 10.0}
        case "biotrove":
            return biotrove.write(folder / "a.parquet", [biotrove.photo(7)]), {}, {}
        case "lila":
            cells = {"location_id": "ENA24 : A01", "datetime": "2012-05-01 13:02:00", "sequence_id": "ENA24 : s1"}
            expected = {**camera, "sequence_key": "ENA24 : s1", "location_key": "ENA24 : A01", "event_time": "13:02:00"}
            return lila.write(folder / "l.csv", [lila.image(1, **cells)]), {}, expected
        case "coco-camera-traps":
            label = coco.label(1, 1, individual_ids=[31], sex="M", age="sub-adult")
            path = coco.write(folder / "c.json", [coco.image(1, country="TZA")], [label])
            expected = {**camera, "location_key": "B04", "individual_key": "31", "event_time": "01:02"}
            country = {"country_code": "TZ", "country_verbatim": "TZA"}
            stage = {"life_stage": "Subadult", "life_stage_verbatim": "sub-adult"}
            return path, {"media": "store"}, {**expected, **country, **stage, "sex": "Male", "sex_verbatim": "M"}
        case _:
            return camtrap_package(folder)


def camtrap_package(folder: Path) -> tuple[Path, dict[str, str], Row]:
    seen = {**camtrap.seen(1, 1), "individualID": "fox-1", "sex": "male", "lifeStage": "offspring"}
    place = {"deploymentID": "d1", "locationID": "loc9", "coordinateUncertainty": "187", "setupBy": "B. Person"}
    path = camtrap.write(folder / "p", {"media": [camtrap.medium(1)]})
    for name, row in (("deployments", place), ("observations", seen)):
        (path / f"{name}.csv").write_text(f"{','.join(row)}\n{','.join(row.values())}\n")
    return (
        path,
        {"media": "store"},
        {
            "individual_key": "fox-1",
            "sequence_key": "e0",
            "location_key": "loc9",
            "event_year": 2021,
            "event_month": 4,
            "event_time": "20:01:00",
            "recorded_by": "B. Person",
            "life_stage": "Juvenile",
            "coordinate_uncertainty_m": 187.0,
            "sex": "Male",
            "sex_verbatim": "male",
            "life_stage_verbatim": "offspring",
        },
    )


@pytest.mark.parametrize("kind", SOURCES)
def test_a_release_fills_the_columns_that_its_layout_states(kind: str, tmp_path: Path, read_release: Reader) -> None:
    path, fields, expected = written(kind, tmp_path)
    (row,) = read_release(kind, path, **fields).records
    assert {name: row[name] for name in COLUMNS} == {**dict.fromkeys(COLUMNS), **expected}
    assert ("LIFE_STAGE_UNLISTED" in row["issues"]) == (kind == "dwca")
    assert set(COLUMNS) <= set(RECORD_SCHEMA.names)


def test_an_event_of_other_records_is_no_burst_and_its_parent_no_place(tmp_path: Path, read_release: Reader) -> None:
    survey = {**TRAP, "basisOfRecord": "HUMAN_OBSERVATION"}
    placed = {**survey, "locationID": "plot 5", "organismID": "Unknown"}
    one, other = read_release("gbif-dwca", gbif(tmp_path / "g", survey, placed)).records
    assert (one["sequence_key"], one["location_key"], one["individual_key"]) == (None, None, "tiger-4")
    assert (other["sequence_key"], other["location_key"], other["individual_key"]) == (None, "plot 5", None)


def test_what_is_no_term_no_country_and_no_distance_is_null_with_an_issue(tmp_path: Path, read_release: Reader) -> None:
    odd = {"sex": "blob", "lifeStage": "x" * 500, "countryCode": "Narnia", "coordinateUncertaintyInMeters": "0"}
    (row,) = read_release("gbif-dwca", gbif(tmp_path / "g", {**TRAP, **odd, "eventDate": "spring"})).records
    assert (row["sex"], row["life_stage"], row["country_code"], row["coordinate_uncertainty_m"]) == (None,) * 4
    assert (row["sex_verbatim"], row["country_verbatim"], row["event_date"]) == ("blob", "Narnia", "spring")
    codes = ["COUNTRY_UNLISTED", "DATE_BAD", "LIFE_STAGE_UNLISTED", "SEX_UNLISTED", "UNCERTAINTY_BAD"]
    assert row["issues"] == codes


def test_a_country_is_taken_from_the_code_and_else_from_the_name(tmp_path: Path, read_release: Reader) -> None:
    cells = {"countryCode": "??", "country": "Viet Nam"}
    (row,) = read_release("gbif-dwca", gbif(tmp_path / "g", {**TRAP, **cells})).records
    assert (row["country_code"], row["country_verbatim"], row["issues"]) == ("VN", "??", [])


def test_a_data_set_of_lila_without_locations_has_none(tmp_path: Path, read_release: Reader) -> None:
    rows = [lila.image(1, location_id="ENA24"), lila.image(2, location_id="ENA24 : unknown")]
    found = read_release("lila", lila.write(tmp_path / "l.csv", rows)).records
    assert [row["location_key"] for row in found] == [None, None]


def test_hostile_cells_are_only_cells(tmp_path: Path, read_release: Reader) -> None:
    cells = {
        name: "\u202e" + "9" * 5_000
        for name in (*TRAP, "year", "month", "eventTime", "locationID")
        if name != "basisOfRecord"
    }
    (row,) = read_release("gbif-dwca", gbif(tmp_path / "g", cells)).records
    assert (row["event_year"], row["sex"], row["country_code"], row["coordinate_uncertainty_m"]) == (None,) * 4
    assert json.dumps(row)
