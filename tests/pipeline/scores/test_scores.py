"""Files of scores: what each format gives, and that what cannot be joined is told with file, place and remedy."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests import Recipe, RecipeError, ScoresSpec, SelectRules, SourceSpec
from pipeline.scores.joined import FACT, check_scores, joins_sql, key_sql, lines, make_tables, write_scores
from pipeline.scores.read import read_scores
from pipeline.storage import database as sql


def spec_of(path: Path, key: str = "media_key", **more: Any) -> ScoresSpec:
    return ScoresSpec("s", str(path), key, **more)


def read(folder: Path, name: str, data: str | bytes, key: str = "media_key", **more: Any) -> list[dict[str, Any]]:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    rows: list[dict[str, Any]] = read_scores(spec_of(path, key, **more)).rows.to_pylist()
    return rows


CSV = "media_key,good,seen,note\na,1.5,true,x\n b ,,false,\nc,-2e-1,,y z\n"
ROWS = [
    {"key": "a", "good": 1.5, "seen": True, "note": "x"},
    {"key": "b", "good": None, "seen": False, "note": None},
    {"key": "c", "good": -0.2, "seen": None, "note": "y z"},
]


def test_text_tables_are_read_with_the_types_that_their_cells_have(tmp_path: Path) -> None:
    assert read(tmp_path, "a.csv", CSV) == ROWS
    assert read(tmp_path, "b.csv", "\ufeff" + CSV.replace("\n", "\r\n")) == ROWS
    assert read(tmp_path, "a.tsv", CSV.replace(",", "\t")) == ROWS
    assert read(tmp_path, "c.csv", CSV.replace(",", ";")) == ROWS
    assert read(tmp_path, "a.csv.gz", gzip.compress(CSV.encode())) == ROWS
    assert read(tmp_path, "packed.csv", gzip.compress(CSV.encode())) == ROWS
    assert read(tmp_path, "plain.csv.gz", CSV) == ROWS
    table = read_scores(spec_of(tmp_path / "a.csv"))
    assert table.columns == (("good", "DOUBLE"), ("seen", "BOOLEAN"), ("note", "VARCHAR"))
    assert table.texts == {"note": "line 2: 'x'"}


def test_parquet_keeps_its_types_and_drops_what_no_condition_can_compare(tmp_path: Path) -> None:
    table = pa.table({"id": [7, 8], "n": pa.array([1, None], pa.int8()), "t": ["x", None], "v": [[1], [2]]})
    table = table.append_column("nan", pa.array([float("nan"), float("inf")]))
    pq.write_table(table, tmp_path / "a.parquet")
    found = read_scores(spec_of(tmp_path / "a.parquet", "source_record_id", column="id")).rows.to_pylist()
    assert found == [{"key": "7", "n": 1.0, "t": "x", "nan": None}, {"key": "8", "n": None, "t": None, "nan": None}]


DETECTED = {
    "detection_categories": {"1": "animal", "2": "person", "3": "vehicle"},
    "images": [
        {
            "file": "deploy/1/a.jpg",
            "max_detection_conf": 0.9,
            "detections": [
                {"category": "1", "conf": 0.9, "bbox": [0.1, 0.1, 0.5, 0.4]},
                {"category": "1", "conf": 0.1, "bbox": [0.0, 0.0, 1.0, 1.0]},
                {"category": "2", "conf": 0.3, "bbox": [0.5, 0.5, 0.5, 0.50001]},
            ],
        },
        {"file": "deploy/1/b.jpg", "detections": []},
        {"file": "deploy/1/c.jpg", "failure": "Failure image access", "detections": None},
    ],
}


def test_results_of_a_detector_become_a_row_for_each_picture(tmp_path: Path) -> None:
    columns = ("key", "animal", "person", "vehicle", "boxes", "largest_box_share")
    for name, data in (
        ("a.json", json.dumps(DETECTED).encode()),
        ("b.json.gz", gzip.compress(json.dumps(DETECTED).encode())),
    ):
        found = read(tmp_path, name, data, "file_name")
        assert found == [
            dict(zip(columns, each, strict=True))
            for each in (
                ("a.jpg", 0.9, 0.3, 0.0, 2.0, 0.2),
                ("b.jpg", 0.0, 0.0, 0.0, 0.0, 0.0),
                ("c.jpg", None, None, None, None, None),
            )
        ]
    assert read(tmp_path, "c.json", json.dumps(DETECTED), "file_name", confidence=0.05)[0]["largest_box_share"] == 1.0
    assert read(tmp_path, "d.json", json.dumps(DETECTED), "media_path")[0]["key"] == "deploy/1/a.jpg"


def test_of_predictions_of_pybioclip_the_best_of_each_file_counts(tmp_path: Path) -> None:
    text = "file_name,classification,score\nx/a.jpg,label,0.2\nx/a.jpg,animal,0.7\nb.jpg,label,0.5\nx/a.jpg,zoo,.1\n"
    assert read(tmp_path, "a.csv", text, "file_name") == [
        {"key": "b.jpg", "classification": "label", "score": 0.5},
        {"key": "a.jpg", "classification": "animal", "score": 0.7},
    ]


def broken(data: Any, **images: Any) -> str:
    return json.dumps({**DETECTED, "images": [*DETECTED["images"][:1], {"file": "z.jpg", **images}], **(data or {})})  # type: ignore[index]


def box(**more: Any) -> dict[str, Any]:
    return {"detections": [{"category": "1", "conf": 0.5, "bbox": [0, 0, 1, 1], **more}]}


HOSTILE: dict[str, tuple[str, str | bytes, str]] = {
    "no column of keys": ("a.csv", "medium,x\na,1\n", "no column 'media_key'"),
    "an empty file": ("a.csv", "", "the file is empty"),
    "blanks": ("a.csv", "\n\n\n", "no column 'media_key'"),
    "a header alone": ("a.csv", "media_key,x\n", "no rows"),
    "no key at all": ("a.csv", "media_key,x\n,1\n ,2\n", "no row has a key"),
    "a key twice": ("a.csv", "media_key,x\na,1\nb,1\n a ,2\n", "lines 2, 4"),
    "a column twice": ("a.csv", "media_key,x,x\na,1,2\n", "'x' comes twice"),
    "a column twice in other case": ("a.csv", "media_key,x,X\na,1,2\n", "'x' comes twice"),
    "a column without a name": ("a.csv", "media_key,,x\na,1,2\n", "no name"),
    "a column named key": ("a.csv", "media_key,key\na,1\n", "is named 'key'"),
    "a row that is too long": ("a.csv", "media_key,x\na,1\nb,2,3\n", "row 3"),
    "an open quote": ("a.csv", 'media_key,x\na,1\nb,"2\n', "row 3"),
    "latin letters": ("a.csv", b"media_key,x\na,1\nb,caf\xe9\n", "row 3"),
    "zeros": ("a.csv", b"\0\1\2\3", "no text"),
    "half a gzip": ("a.csv.gz", gzip.compress(CSV.encode() * 99)[:-30], "cannot be read"),
    "half a Parquet": ("a.parquet", b"PAR1" + bytes(40), "cannot be read"),
    "half a JSON": ("a.json", json.dumps(DETECTED, indent=1)[:-150], "line "),
    "a broken JSON": ("a.json", '{"images": [}, {}]}', "line 1, column 13"),
    "a list": ("a.json", "[1, 2]", "no list of images"),
    "a deep list": ("a.json", "[" * 100_000, "cannot be read"),
    "no images": ("a.json", '{"images": []}', "lists no images"),
    "images that are none": ("a.json", broken(None).replace('"z.jpg"', "7"), "images[1]"),
    "an image that is a text": ("a.json", json.dumps({"images": ["a.jpg"]}), "images[0]"),
    "an image without a file": ("a.json", json.dumps({"images": [{"detections": []}]}), "images[0]"),
    "a confidence of text": ("a.json", broken(None, **box(conf="high")), "images[1]"),
    "a confidence in percent": ("a.json", broken(None, **box(conf=55)), "a confidence is 55"),
    "no confidence": ("a.json", broken(None, **box(conf=None)), "images[1]"),
    "a box in pixels": ("a.json", broken(None, **box(bbox=[0, 0, 640, 480])), "images[1]"),
    "a box of three": ("a.json", broken(None, **box(bbox=[0, 0, 1])), "images[1]"),
    "no box": ("a.json", broken(None, **box(bbox=None)), "images[1]"),
    "other categories": ("a.json", broken({"detection_categories": {"1": "fish"}}), "fish"),
    "categories that are none": ("a.json", broken({"detection_categories": [1]}), "detection_categories"),
    "a picture twice": ("a.json", json.dumps({"images": DETECTED["images"][:1] * 2}), "images 0, 1"),  # type: ignore[index]
    "a score that is no number": ("a.csv", "file_name,species,score\na,x,1\nb,y,n/a\n", "line 3: 'n/a'"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_cannot_be_joined_is_told_with_the_file_the_place_and_a_remedy(name: str, tmp_path: Path) -> None:
    file, data, said = HOSTILE[name]
    with pytest.raises(RecipeError) as refused:
        read(tmp_path, file, data, "file_name" if "species" in str(data) else "media_key")
    error = refused.value
    assert said in str(error) and str(tmp_path / file) in error.where and error.expected and error.remedy
    with pytest.raises(RecipeError, match="no such file"):
        read_scores(spec_of(tmp_path / "not-there.csv"))


@given(st.binary(max_size=200))
@settings(max_examples=150)
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.mktemp("any")
    for name in ("a.csv", "a.json", "a.parquet"):
        with suppress(RecipeError):
            read(folder, name, b"media_key" + data)
        with suppress(RecipeError):
            read(folder, name, data)


NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters='",;\t'), min_size=1, max_size=12)


@given(NAMES.filter(lambda name: name.strip() == name and name.lower() not in ("media_key", "key")))
@settings(max_examples=20)
def test_a_column_of_any_name_is_a_name_and_nothing_that_runs(
    tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    folder = tmp_path_factory.mktemp("named")
    (folder / "a.csv").write_text(f'media_key,"{name}"\na,1\n', encoding="utf-8")
    quoted = '"' + name + '"'
    recipe = recipe_of(folder / "a.csv", f"s.{quoted} > 0.5")
    with suppress(RecipeError):  # letters whose lower case is another name
        table = check_scores(recipe)["s"]
        assert table.rows.to_pylist() == [{"key": "a", name: 1.0}]
        with duckdb.connect() as con:
            make_tables(con, recipe)
            assert con.execute(f"SELECT s_s.{quoted} FROM scores_s s_s").fetchall() == [(1.0,)]


def recipe_of(path: Path, where: str | None = None, key: str = "media_key", **more: Any) -> Recipe:
    source = SourceSpec("one", "eol", "x")
    return Recipe("r", (source,), select=SelectRules(where=where), scores=(spec_of(path, key, **more),))


def test_a_condition_that_the_columns_do_not_bear_is_told_with_the_cell_that_is_no_number(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("media_key,conf\na,0.5\nb,high\n")
    with pytest.raises(RecipeError) as refused:
        check_scores(recipe_of(path, "s.conf > 0.5"))
    assert "s.conf holds text, as in line 3: 'high'" in refused.value.what and refused.value.where == "key select.where"
    with pytest.raises(RecipeError) as refused:
        check_scores(recipe_of(path, "s.cnof > 0.5"))
    assert refused.value.remedy == "write s.conf"
    assert check_scores(recipe_of(path, "TRY_CAST(s.conf AS DOUBLE) > 0.5"))


RECORDS = [
    {"media_key": "inat:1", "media_url": "https://a.example/p/1/o.jpg?size=l", "media_path": None},
    {"media_key": "inat:2", "media_url": None, "media_path": "x/y/o.jpg"},
    {"media_key": None, "media_url": "https://a.example/z.png#f", "media_path": ""},
]


def joined(folder: Path, text: str, key: str, rows: Sequence[dict[str, Any]] = RECORDS) -> tuple[list[Any], Any]:
    """Return the column x of the scores of every record, and the facts."""
    (folder / "a.csv").write_text(text)
    whole = [
        {"record_id": str(place), "source": "one", "source_record_id": f"r{place}", "locator_file": "f"} | row
        for place, row in enumerate(rows)
    ]
    names = ("record_id", "source", "source_record_id", "locator_file", "media_key", "media_url", "media_path")
    table = pa.Table.from_pylist(whole, pa.schema([(name, pa.string()) for name in names]))
    recipe = recipe_of(folder / "a.csv", key=key)
    with sql.connect(256, folder) as con:
        con.register("given", table.append_column("locator_row", pa.array(range(len(whole)))))
        make_tables(con, recipe)
        query = f"SELECT s_s.x FROM given r {joins_sql(recipe, ['s'])} ORDER BY r.record_id"
        found = [row[0] for row in con.execute(query).fetchall()]
        facts = write_scores(con, recipe, "given", "given", folder / "scores")
        written = pq.read_table(folder / "scores" / "s.parquet").to_pylist()
    assert {row["record_id"]: row["x"] for row in written} == {
        str(place): value for place, value in enumerate(found) if value is not None
    }
    return found, facts


@pytest.mark.parametrize(
    ("key", "keys", "wanted", "unmatched"),
    [
        ("media_key", ["inat:2", "inat:3"], [None, 1, None], 1),
        ("record_key", ["one:r0", "one:r2"], [1, None, 2], 0),
        ("file_name", ["deep/er/o.jpg", "C:\\p\\z.png"], [1, 1, 2], 0),
        ("media_path", ["x/y/o.jpg", "o.jpg"], [None, 1, None], 1),
        ("record_id", ["2", "9"], [None, None, 1], 1),
        ("media_url", ["https://a.example/z.png", "x"], [None, None, None], 2),
    ],
)
def test_scores_are_joined_by_each_key_and_what_matches_nothing_is_counted(
    key: str, keys: list[str], wanted: list[Any], unmatched: int, tmp_path: Path
) -> None:
    text = "\n".join([f"{key},x", *(f"{each},{place}" for place, each in enumerate(keys, 1))])
    found, facts = joined(tmp_path, text, key)
    assert found == wanted
    assert facts == {FACT: {"s": {"rows": 2, "unmatched": unmatched}}}
    assert ("look at its key" in lines(facts)[0]) == (unmatched == 2)


def test_keys_of_every_kind_are_sql() -> None:
    assert key_sql(ScoresSpec("s", "x", "media_key")) == 'r."media_key"'
