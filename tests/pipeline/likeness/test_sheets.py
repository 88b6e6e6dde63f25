"""What a person is shown: which picture stands where, beside which words."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from pipeline.likeness import DECISION_SCHEMA, HASHED_SCHEMA, ITEMS_SCHEMA, LEAKS_SCHEMA, LeakReport
from pipeline.likeness.evidence import cluster_sheets, leak_sheets
from pipeline.likeness.sheets import MAX_ROWS, ROWS_PER_SHEET, Row, picture_of_bytes, thumbnail_picture, write_sheets

STEP = 128 + 6


def plain(name: str) -> Image.Image | None:
    """A picture of one colour, which its name gives."""
    return None if name == "missing" else Image.new("RGB", (40, 20), name)


def colour(sheet: Image.Image, down: int, across: int) -> tuple[int, ...]:
    """Return the colour in the middle of a cell."""
    pixel = sheet.getpixel((6 + across * STEP + 64, 6 + down * STEP + 64))
    assert isinstance(pixel, tuple)
    return tuple(round(value / 51) * 51 for value in pixel)


def test_pictures_stand_in_their_row_and_place_and_a_missing_one_is_a_crossed_box(tmp_path: Path) -> None:
    rows = [Row("one", (("red", "a"), ("lime", "b"))), Row("two", (("blue", "c"), ("missing", "d")))]
    sheet_file, page_file = write_sheets(tmp_path, "n", "Title <1>", rows, plain)
    sheet = Image.open(sheet_file)
    assert sheet.size == (2 * STEP + 6, 2 * STEP + 6)
    assert [colour(sheet, 0, 0), colour(sheet, 0, 1), colour(sheet, 1, 0)] == [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    box = np.asarray(sheet.convert("L").crop((6 + STEP, 6 + STEP, 6 + STEP + 128, 6 + STEP + 128))).astype(int)
    inside, line = box[8:-8, 8:-8], np.arange(8, 120)
    # Light grey, with one darker line from the upper left to the lower right.
    assert 225 < np.median(inside) < 250
    assert (inside.argmin(axis=1) == line - 8).mean() > 0.9
    assert (box[line, line] < 220).all()
    page = page_file.read_text()
    assert "<title>Title &lt;1&gt;</title>" in page and "<p>2 rows.</p>" in page
    assert re.findall(r"url\((\S+)\) (-\d+px -\d+px)", page) == [
        ("n-000.jpg", f"-{6 + across * STEP}px -{6 + down * STEP}px") for down in (0, 1) for across in (0, 1)
    ]
    assert "more rows" not in page


def test_a_picture_keeps_its_shape_and_stands_in_the_middle_of_its_cell(tmp_path: Path) -> None:
    sheet = Image.open(write_sheets(tmp_path, "n", "t", [Row("one", (("red", ""),))], plain)[0])
    column = [sheet.getpixel((6 + 64, 6 + at)) for at in (4, 28, 36, 64, 91, 99, 123)]
    white = [min(pixel) > 200 for pixel in column]  # type: ignore[arg-type]
    assert white == [True, True, False, False, False, True, True]


def test_rows_go_on_on_the_next_sheet_and_their_number_is_bounded(tmp_path: Path) -> None:
    rows = [Row(f"row {number}", (("red", ""),)) for number in range(ROWS_PER_SHEET + 1)]
    files = write_sheets(tmp_path, "n", "t", rows, plain)
    assert [path.name for path in files] == ["n-000.jpg", "n-001.jpg", "n.html"]
    assert Image.open(files[1]).size[1] == STEP + 6
    assert "url(n-001.jpg) -6px -6px" in files[2].read_text()
    many = [Row("row", (("missing", ""),))] * (MAX_ROWS + 3)
    page = write_sheets(tmp_path / "many", "n", "t", many, plain)[-1].read_text()
    assert page.count("<section>") == MAX_ROWS
    assert f"<p>{MAX_ROWS + 3:,} rows.</p>" in page and "<p>3 more rows are in the tables" in page


def test_eight_pictures_of_a_row_are_shown_and_the_others_counted(tmp_path: Path) -> None:
    files = write_sheets(tmp_path, "n", "t", [Row("r", (("red", "x"),) * 8), Row("r", (("red", "x"),) * 10)], plain)
    assert Image.open(files[0]).size[0] == 8 * STEP + 6
    page = files[1].read_text()
    assert page.count("<figcaption>") == 16 and page.count("<figure>and 2 more</figure>") == 1
    assert "and 0 more" not in page


def test_names_and_captions_are_text_and_never_markup(tmp_path: Path) -> None:
    page = write_sheets(tmp_path, "n", "t", [Row("<b>", (("<i>", "<u>"),))], lambda _: None)[-1].read_text()
    assert not re.search("<[biu]>", page)
    assert "<h2>&lt;b&gt;</h2>" in page and "&lt;i&gt;<br>&lt;u&gt;" in page


def test_the_same_rows_give_the_same_bytes_and_no_rows_give_a_page(tmp_path: Path) -> None:
    rows = [Row("one", (("red", "a"), ("missing", "b")))]
    one, two = (write_sheets(tmp_path / name, "n", "t", rows, plain) for name in "ab")
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]
    assert [path.name for path in write_sheets(tmp_path / "none", "n", "t", [], plain)] == ["n.html"]


def test_a_stored_picture_is_shown_as_it_is_and_a_missing_one_is_none() -> None:
    assert thumbnail_picture(None) is None
    levels = np.arange(4096, dtype=np.uint16).astype(np.uint8).reshape(64, 64)
    shown = thumbnail_picture(levels.tobytes())
    assert shown is not None and (np.asarray(shown) == levels).all()
    assert picture_of_bytes(b"") is None


def images(*names: str, benchmark: str = "") -> pa.Table:
    rows = [{"item": name, "benchmark": benchmark, "thumbnail": bytes([200]) * 4096} for name in names]
    return pa.Table.from_pylist(rows, HASHED_SCHEMA)


def captions(page: Path) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return (title, [(name, caption)]) of every row of a page."""
    return [
        (title, re.findall(r"<figcaption>(.*?)<br>(.*?)</figcaption>", body))
        for title, body in re.findall(r"<h2>(.*?)</h2>(.*?)</section>", page.read_text())
    ]


def test_clusters_of_several_images_are_shown_the_kept_one_first(tmp_path: Path) -> None:
    rows = [
        {"item": "a", "cluster": "k2", "decision": "dropped", "outcome": "near_duplicate", "label": "Puma"}
        | {"evidence": '{"distance": 4, "residual": 1.5, "other": 1, "rule": "hamming"}'},
        {"item": "b", "cluster": "k2", "decision": "kept", "outcome": None, "label": "Puma", "evidence": None},
        {"item": "c", "cluster": "k1", "decision": "kept", "outcome": None, "label": None, "evidence": "no document"},
        {"item": "d", "cluster": "k1", "decision": "dropped", "outcome": "exact_duplicate", "label": None},
        {"item": "e", "cluster": "k3", "decision": "kept"},
        {"item": "f", "cluster": None, "decision": "failed"},
    ]
    *sheets, page = cluster_sheets(tmp_path, images(*"abcde"), pa.Table.from_pylist(rows, DECISION_SCHEMA))
    assert captions(page) == [
        ("k1: 2 images", [("c", ""), ("d", "exact_duplicate")]),
        ("k2: 2 images", [("b", "Puma"), ("a", "near_duplicate · Puma · rule hamming, distance 4, residual 1.5")]),
    ]
    assert colour(Image.open(sheets[0]), 0, 0) == (204, 204, 204)


@pytest.mark.parametrize("turned", [False, True])
def test_a_leak_is_shown_beside_the_item_it_leaks(tmp_path: Path, turned: bool) -> None:
    leak = {"train": "a", "benchmark": "b", "item": "x", "rule": "hamming", "decision": "leak", "distance": 7}
    leak |= {"variant": int(turned), "residual": 2.5 if turned else -1.0, "phash_distance": -1}
    alone = {"train": "c", "rule": "no hash", "decision": "leak_unknown", "distance": -1, "variant": -1}
    report = LeakReport(
        pa.Table.from_pylist([alone | {"residual": -1.0}, leak], LEAKS_SCHEMA),
        ITEMS_SCHEMA.empty_table(),
        images("a", "c"),
        images("x", benchmark="b"),
    )
    sheet, page = leak_sheets(tmp_path, report)
    said = "distance 7, residual 2.5, variant 1" if turned else "distance 7"
    assert captions(page) == [
        ("a", [("a", "leak: hamming"), ("held-out: b/x", said)]),
        ("c", [("c", "leak_unknown: no hash")]),
    ]
    assert [colour(Image.open(sheet), 0, across) for across in (0, 1)] == [(204, 204, 204)] * 2
