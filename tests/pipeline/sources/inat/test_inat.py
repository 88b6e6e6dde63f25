"""iNaturalist open data: photos meet their observations, taxa and observers, and every row has one end."""

from __future__ import annotations

import gzip
import json
import random
import uuid
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.model.errors import SourceError
from pipeline.model.ids import record_id
from pipeline.sources.release.base import Plan
from tests.pipeline.sources.conftest import Reader

HEADERS = {
    "observations": "observation_uuid observer_id latitude longitude positional_accuracy taxon_id quality_grade "
    "observed_on anomaly_score",
    "photos": "photo_uuid photo_id observation_uuid observer_id extension license width height position",
    "taxa": "taxon_id ancestry rank_level rank name active",
    "observers": "observer_id login name",
}
TAXA = [
    ("48460", "", "100.0", "stateofmatter", "Life", "true"),
    ("1", "48460", "70.0", "kingdom", "Animalia", "true"),
    ("2", "48460/1", "60.0", "phylum", "Chordata", "true"),
    ("40151", "48460/1/2/355675", "50.0", "class", "Mammalia", "true"),
    ("355675", "48460/1/2", "57.0", "subphylum", "Vertebrata", "true"),
    ("41636", "48460\\1\\2\\355675\\40151", "40.0", "order", "Carnivora", "true"),
    ("41944", "48460/1/2/355675/40151/41636", "30.0", "family", "Felidae", "true"),
    ("41976", "48460/1/2/355675/40151/41636/41944", "20.0", "genus", "Lynx", "true"),
    ("41979", "48460/1/2/355675/40151/41636/41944/41976", "10.0", "species", "Lynx rufus", "true"),
    ("9000", "48460/1/2/355675/40151/41636/41944/41976/41979", "5.0", "subspecies", "Lynx rufus fasciatus", "true"),
    ("9001", "48460/1/777777", "10.0", "species", 'Felis "rufa"', "false"),
]
OBSERVERS = [("5", "kit", "Kit O'Hara"), ("6", "login_only", "")]
U = [str(uuid.UUID(int=n, version=4)) for n in range(50)]


def observation(n: int, taxon: str = "41979", observer: str = "5", grade: str = "research") -> tuple[str, ...]:
    return (U[n], observer, "45.5", "-120.25", "10", taxon, grade, "2020-05-01", "0.1")


def photo(number: int | str, n: int, extension: str = "jpg", licence: str = "CC-BY-NC") -> tuple[str, ...]:
    return (f"p{number}-{n}", str(number), U[n], "5", extension, licence, "2048", "1365", "0")


Rows = dict[str, list[tuple[str, ...]]]


def write(folder: Path, rows: Rows, *, packed: bool = True, shuffle: int | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, header in HEADERS.items():
        usual: Rows = {"taxa": [*TAXA], "observers": [*OBSERVERS]}
        body = [*rows.get(name, usual.get(name, []))]
        if shuffle is not None:
            random.Random(shuffle).shuffle(body)
        data = "".join("\t".join(row) + "\n" for row in [tuple(header.split()), *body]).encode()
        if packed:
            (folder / f"{name}.csv.gz").write_bytes(gzip.compress(data, mtime=0))
        else:
            (folder / f"{name}.csv").write_bytes(data)
    return folder


def test_photos_become_records(tmp_path: Path, read_release: Reader) -> None:
    rows: Rows = {
        "observations": [observation(1), observation(2, "9000", "6", "needs_id"), observation(3, "9001", "404")],
        "photos": [photo(11, 1, "JPG"), photo(12, 2, "jpeg", "CC0"), (*photo(13, 3)[:3], "", *photo(13, 3)[4:])],
    }
    read = read_release("inat-open-data", write(tmp_path / "inat-2024-05", rows))
    assert (read.release.release, read.absorbed) == ("inat-2024-05", 3)
    first, second, third = (read.one(U[n]) for n in (1, 2, 3))
    assert first["media_url"] == "https://inaturalist-open-data.s3.amazonaws.com/photos/11/original.JPG"
    assert (first["media_key"], first["media_width"], first["media_format"]) == ("inat:11", 2048, "image/jpeg")
    assert first["record_id"] == record_id("s", U[1], "11")
    assert (first["license_id"], first["license_source"]) == ("CC-BY-NC-4.0", "media")
    assert (first["creator"], first["rights_holder"]) == ("Kit O'Hara", "Kit O'Hara")
    assert (first["scientific_name"], first["rank_verbatim"], first["taxon_id"]) == (
        "Lynx rufus",
        "species",
        "inat:41979",
    )
    ranks = ("kingdom", "phylum", "class", "order", "family", "genus", "species")
    assert [first[rank] for rank in ranks] == [
        *("Animalia", "Chordata", "Mammalia", "Carnivora", "Felidae", "Lynx", "Lynx rufus")
    ]
    assert (first["label_status"], first["occurrence_key"], first["lat"]) == ("research", U[1], 45.5)
    assert (first["event_date"], first["image_category"], first["issues"]) == ("2020-05-01", "citizen", [])
    assert (second["scientific_name"], second["species"]) == ("Lynx rufus fasciatus", "Lynx rufus")
    assert (second["creator"], second["license_id"], second["label_status"]) == ("Kit O'Hara", "CC0-1.0", "needs_id")
    assert (third["scientific_name"], third["kingdom"], third["phylum"]) == ('Felis "rufa"', "Animalia", None)
    assert third["issues"] == ["OBSERVER_MISSING", "TAXON_INACTIVE"]


def test_every_row_has_one_end(tmp_path: Path, read_release: Reader) -> None:
    rows: Rows = {
        "observations": [
            *(observation(1), observation(2), observation(3), observation(3, grade="casual"), observation(4, "")),
            *(("", *observation(5)[1:]), observation(6, "31337")),
        ],
        "photos": [
            *(photo(11, 1), photo(11, 3), photo(12, 3), photo(13, 40), photo("../x", 1), photo(14, 1, "")),
            *(photo(15, 1, "a/b"), (*photo(16, 1)[:2], "", *photo(16, 1)[3:]), photo(17, 4), photo(18, 6), ("x", "y")),
        ],
    }
    read = read_release("inat-open-data", write(tmp_path / "r", rows))
    assert read.outcomes() == {"id_missing": 3, "orphan_media": 1, "no_url": 2, "malformed_row": 1, "no_media": 1}
    assert (len(read.records), read.absorbed, read.rows) == (5, 5, 18)
    shared = [r for r in read.records if r["media_key"] == "inat:11"]
    assert {r["source_record_id"] for r in shared} == {U[1], U[3]}
    assert len({r["record_id"] for r in shared}) == 2 and len({r["media_url"] for r in shared}) == 1
    issues = {r["source_media_id"]: r["issues"] for r in read.records}
    assert issues["12"] == ["DUPLICATE_ID"]
    assert (issues["17"], issues["18"]) == (["NAME_EMPTY"], ["TAXON_MISSING"])
    (bare,) = [r for r in read.ended if r["outcome"] == "no_media"]
    assert bare["row_id"] == record_id("s", U[2], "")


def test_order_packing_and_ranges_make_no_difference(tmp_path: Path, read_release: Reader) -> None:
    rows: Rows = {
        "observations": [observation(n, ("41979", "9000", "41976")[n % 3]) for n in range(40)],
        "photos": [photo(100 * n + m, n) for n in range(2, 42) for m in range(n % 4)],
    }
    one = read_release("inat-open-data", write(tmp_path / "a", rows), release="r")
    two = read_release(
        "inat-open-data", write(tmp_path / "b", rows, packed=False, shuffle=3), release="r", target_bytes=256, buckets=5
    )
    assert len(two.plan.splits) > 20
    assert one.content() == two.content()


def test_the_join_is_a_plan_over_buckets(tmp_path: Path, read_release: Reader) -> None:
    rows: Rows = {"observations": [observation(1)], "photos": [photo(11, 1)]}
    plan: Plan = read_release("inat-open-data", write(tmp_path / "a", rows)).plan
    assert (plan.join_key, plan.buckets) == ("observation_uuid", 1)
    assert {split.table for split in plan.splits} == {"observations", "photos"}


def test_a_local_mirror_is_addressed_as_the_bucket_is(tmp_path: Path, read_release: Reader) -> None:
    rows: Rows = {"observations": [observation(1)], "photos": [photo(11, 1, "PNG")]}
    (row,) = read_release("inat-open-data", write(tmp_path / "a", rows), media="mirror").records
    assert (row["media_path"], row["media_url"]) == ("photos/11/original.PNG", "")


def test_what_is_no_release_is_refused(tmp_path: Path, read_release: Reader) -> None:
    folder = write(tmp_path / "a", {})
    assert read_release("inat-open-data", folder).rows == 0
    (folder / "photos.csv.gz").rename(folder / "pictures.csv.gz")
    with pytest.raises(SourceError, match="no table photos"):
        read_release("inat-open-data", folder)
    (folder / "photos.csv").write_text("photo_id,observation_uuid,extension\n")
    with pytest.raises(SourceError, match="no column photo_id"):
        read_release("inat-open-data", folder)
    (folder / "photos.tsv").write_text("")
    with pytest.raises(SourceError, match="2 files"):
        read_release("inat-open-data", folder)


CELL = st.one_of(st.text("0123456789/\\abcJPG-'\" .\u00d7", max_size=8), st.sampled_from([U[1], U[2], "11", "41979"]))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    observations=st.lists(st.tuples(*[CELL] * 9), max_size=8),
    photos=st.lists(st.tuples(*[CELL] * 9), max_size=8),
    taxa=st.lists(st.tuples(*[CELL] * 6), max_size=8),
    tail=st.binary(max_size=60),
)
def test_hostile_tables_balance_and_build_no_foreign_address(
    observations: list[tuple[str, ...]],
    photos: list[tuple[str, ...]],
    taxa: list[tuple[str, ...]],
    tail: bytes,
    tmp_path_factory: pytest.TempPathFactory,
    read_release: Reader,
) -> None:
    folder = tmp_path_factory.mktemp("hostile")
    write(folder, {"observations": observations, "photos": photos, "taxa": taxa}, packed=False)
    for name in HEADERS:
        with (folder / f"{name}.csv").open("ab") as file:
            file.write(tail)
    read = read_release("inat-open-data", folder)  # checks every balance
    for row in read.records:
        assert row["media_url"].startswith("https://inaturalist-open-data.s3.amazonaws.com/photos/")
        assert row["source_media_id"].isdigit() and "/" not in row["media_url"].rsplit("original.", 1)[1]


def test_tables_rebuilt_from_real_answers_give_every_photo_once(
    data: Path, tmp_path: Path, read_release: Reader
) -> None:
    found = {}
    for file in sorted((data / "inat/api").glob("v1_get_observation*.json")):
        answer = json.loads(file.read_text())
        found.update({item["uuid"]: item for item in answer.get("results", []) if item["taxon"].get("ancestry")})
    assert len(found) > 2
    rows: Rows = {"observations": [], "photos": [], "taxa": [], "observers": []}
    taxa: dict[int, tuple[str, ...]] = {}
    people: dict[int, tuple[str, ...]] = {}
    for item in found.values():
        taxon, user = item["taxon"], item["user"]
        lat, lon = ",".join(str(item["geojson"]["coordinates"][i]) for i in (1, 0)).split(",")
        rows["observations"].append(
            (
                *(item["uuid"], str(user["id"]), lat, lon, "", str(taxon["id"]), item["quality_grade"]),
                *(item["observed_on"] or "", ""),
            )
        )
        taxa[taxon["id"]] = (str(taxon["id"]), taxon["ancestry"], str(taxon["rank_level"]), taxon["rank"])
        taxa[taxon["id"]] += (taxon["name"], str(taxon["is_active"]).lower())
        people[user["id"]] = (str(user["id"]), user["login"], user["name"] or "")
        for position, shown in enumerate(item["photos"]):
            extension = shown["url"].split("?")[0].rsplit(".", 1)[1]
            licence = (shown["license_code"] or "").upper()
            rows["photos"].append(
                (
                    *(f"{item['uuid']}-{position}", str(shown["id"]), item["uuid"], str(user["id"]), extension),
                    *(licence, "", "", str(position)),
                )
            )
    rows["taxa"], rows["observers"] = list(taxa.values()), list(people.values())
    read = read_release("inat-open-data", write(tmp_path / "api", rows))
    assert len(read.records) == len(rows["photos"]) > 0
    assert read.absorbed == sum(bool(item["photos"]) for item in found.values())
    assert read.outcomes() == {k: v for k, v in {"no_media": len(found) - read.absorbed}.items() if v}
    for row in read.records:
        item = found[row["source_record_id"]]
        assert row["scientific_name"] == item["taxon"]["name"]
        assert row["creator"] == (item["user"]["name"] or item["user"]["login"])
        assert row["label_status"] == item["quality_grade"]
        licences = {str(p["id"]): p["license_code"] for p in item["photos"]}
        stated = licences[row["source_media_id"]]
        expected = {None: None, "cc0": "CC0-1.0"}.get(stated, f"{(stated or '').upper()}-4.0")
        assert row["license_id"] == expected
