"""Evidence of a finished run as pictures: every record beside what it was said to be alike to."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from PIL import Image

from pipeline.likeness import HASHED_SCHEMA
from pipeline.likeness.run_evidence import run_sheets
from pipeline.media.media_schema import MEDIA_SCHEMA
from pipeline.model.errors import RunError
from pipeline.storage.files.atomic import write_json, write_table
from tests.pipeline.likeness.pictures import jpeg

RED, LIME, BLUE, BOX, GREY = (255, 0, 0), (0, 255, 0), (0, 0, 255), (238, 238, 238), (204, 204, 204)
STEP = 128 + 6
LEAKS = [
    ("r1", "b", "x", "leak_pair", 44, 3, 7, "leak_hamming"),
    ("r2", "b", "x", "hamming", 9, 0, -1, "leak_hamming"),
    ("r3", "b", "y", "hamming", 9, 1, -1, "placeholder"),
    ("r4", "b", "x", "hamming", 2, 0, -1, "leak_hamming"),
    ("r5", "b", None, "hamming", 1, 0, -1, "leak_hamming"),
]
CLUSTERS = [
    ("k2", "r2", "near_duplicate", '{"rule": "hamming", "residual": 1.5, "distance": 4}'),
    ("k2", "r3", "kept", None),
    ("k2", "r1", "label_conflict", '{"taxa": ["a", "b"], "rule": "alike, labelled differently"}'),
    ("k1", "r4", "kept", None),
]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A finished run with a stored image of r1, r2 and r4; that of r4 arrived in place of another."""
    root = tmp_path / "run"
    write_json(root / "manifest.json", {"stages": {"catalog": {"digest": "d"}}})
    write_json(root / "catalog" / "_done.json", {"digest": "d"})
    blob, media = b"ahead", []
    for image, colour in (("i1", RED), ("i2", LIME), ("i9", BLUE)):
        data = jpeg(Image.new("RGB", (90, 90), colour))
        media.append({"image_id": image, "unit": "u-1", "offset": len(blob), "length": len(data)})
        blob += data
    media.append({"image_id": "i3", "unit": "u-1", "offset": 0, "length": 0})
    media.append({"image_id": "i5", "unit": "u-1", "offset": 0, "length": 5})  # no image any more
    (root / "fetch" / "blobs").mkdir(parents=True)
    (root / "fetch" / "blobs" / "u-1.bin").write_bytes(blob)
    items = [{"benchmark": "b", "item": "x", "thumbnail": bytes([204]) * 4096}, {"benchmark": "b", "item": "y"}]
    candidates = [{"record_id": f"r{n}", "image_id": f"i{n}"} for n in (1, 2, 3, 4, 5)]
    for place, table in (
        ("fetch/media", pa.Table.from_pylist(media, MEDIA_SCHEMA)),
        ("fetch/arrived", pa.table({"record_id": ["r4"], "image_id": ["i9"]})),
        ("holdout/items", pa.Table.from_pylist(items, HASHED_SCHEMA)),
        ("screen/candidates", pa.Table.from_pylist(candidates)),
    ):
        write_table(root / place / "part.parquet", table)
    with duckdb.connect(str(root / "catalog.duckdb")) as con:
        con.execute(
            "CREATE TABLE leaks (record_id TEXT, benchmark TEXT, item TEXT, rule TEXT,"
            " distance INT, variant INT, phash_distance INT);"
            "CREATE TABLE ledger (row_id TEXT, outcome TEXT);"
            "CREATE TABLE clusters (cluster_id TEXT, record_id TEXT, outcome TEXT, evidence TEXT)"
        )
        con.executemany("INSERT INTO leaks VALUES (?, ?, ?, ?, ?, ?, ?)", [row[:7] for row in LEAKS])
        con.executemany("INSERT INTO ledger VALUES (?, ?)", [(row[0], row[7]) for row in LEAKS])
        con.executemany("INSERT INTO clusters VALUES (?, ?, ?, ?)", CLUSTERS)
    return root


def captions(page: Path) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return (title, [(name, caption)]) of every row of a page."""
    return [
        (title, re.findall(r"<figcaption>(.*?)<br>(.*?)</figcaption>", body))
        for title, body in re.findall(r"<h2>(.*?)</h2>(.*?)</section>", page.read_text())
    ]


def colours(sheet: Path) -> list[list[tuple[int, ...]]]:
    """Return the colour a little beside the middle of every cell, off the line that crosses out what is missing."""
    with Image.open(sheet) as image:
        down, across = (length // STEP for length in (image.height, image.width))
        pixels = [[image.getpixel((6 + c * STEP + 70, 6 + r * STEP + 50)) for c in range(across)] for r in range(down)]
    return [[_rounded(pixel) for pixel in row] for row in pixels]


def _rounded(pixel: object) -> tuple[int, ...]:
    """Return the colour that a JPEG meant."""
    assert isinstance(pixel, tuple)
    known = (RED, LIME, BLUE, BOX, GREY, (255, 255, 255))
    return min(known, key=lambda each: sum(abs(a - b) for a, b in zip(each, pixel, strict=True)))


def test_leaks_are_shown_beside_the_held_out_image_by_rule_and_distance(run: Path, tmp_path: Path) -> None:
    leaks, page, *_ = run_sheets(run, tmp_path / "out")
    assert (leaks.name, page.name, page.parent) == ("leaks-000.jpg", "leaks.html", tmp_path / "out")
    assert captions(page) == [
        ("r4: leak_hamming", [("r4", "leak_hamming"), ("held-out: b/x", "hamming, distance 2, variant 0")]),
        ("r2: leak_hamming", [("r2", "leak_hamming"), ("held-out: b/x", "hamming, distance 9, variant 0")]),
        ("r3: placeholder", [("r3", "placeholder"), ("held-out: b/y", "hamming, distance 9, variant 1")]),
        (
            "r1: leak_hamming",
            [("r1", "leak_hamming"), ("held-out: b/x", "leak_pair, distance 44, variant 3, pHash 7")],
        ),
    ]
    # What was stored of no image, and an item without a thumbnail, are shown as a box.
    assert colours(leaks) == [[BLUE, GREY], [LIME, GREY], [BOX, BOX], [RED, GREY]]


def test_clusters_are_shown_the_kept_image_first_with_what_was_proven(run: Path, tmp_path: Path) -> None:
    *_, sheet, page = run_sheets(run, tmp_path)
    assert captions(page) == [
        ("k1: 1 records", [("r4", "kept")]),
        (
            "k2: 3 records",
            [
                ("r3", "kept"),
                ("r1", "label_conflict, taxa [&#x27;a&#x27;, &#x27;b&#x27;]"),
                ("r2", "near_duplicate, distance 4, residual 1.5"),
            ],
        ),
    ]
    assert [row[:3] for row in colours(sheet)] == [[BLUE, (255, 255, 255), (255, 255, 255)], [BOX, RED, LIME]]


def test_what_is_no_image_any_more_and_what_is_unknown_are_shown_as_a_box(run: Path, tmp_path: Path) -> None:
    with duckdb.connect(str(run / "catalog.duckdb")) as con:
        con.execute("DELETE FROM clusters")
        con.execute("INSERT INTO clusters VALUES ('k', 'r5', 'kept', NULL), ('k', 'nobody', 'kept', '')")
    *_, sheet, page = run_sheets(run, tmp_path)
    assert captions(page) == [("k: 2 records", [("nobody", "kept"), ("r5", "kept")])]
    assert colours(sheet) == [[BOX, BOX]]


def test_a_run_without_leaks_and_clusters_has_pages_all_the_same(run: Path, tmp_path: Path) -> None:
    with duckdb.connect(str(run / "catalog.duckdb")) as con:
        con.execute("DELETE FROM clusters; DELETE FROM leaks")
    files = run_sheets(run, tmp_path)
    assert [path.name for path in files] == ["leaks.html", "clusters.html"]
    assert all("<p>0 rows.</p>" in path.read_text() for path in files)


def test_a_run_that_is_not_finished_has_no_evidence(run: Path, tmp_path: Path) -> None:
    (run / "catalog" / "_done.json").unlink()
    with pytest.raises(RunError, match="'catalog' is not done"):
        run_sheets(run, tmp_path)
