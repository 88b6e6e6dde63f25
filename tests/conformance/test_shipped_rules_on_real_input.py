"""What docs/quality.md says of shipped rules on real tables and photographs, counted again."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pytest

from manifests.condition import read_condition
from pipeline.media.images.measures import measures_of
from pipeline.media.media_schema import MEASURES
from tests.conformance.heliconius import DATA
from tests.conformance.picture_rules import CONDITIONS, pictures
from tests.conformance.record_rules import boxes, ended, media_tables, named_tables, still_bursts, words_of

SOURCES = DATA / "sources"
pytestmark = pytest.mark.skipif(not (SOURCES / "eol").exists(), reason="the project's shared data are not at hand")


def test_words_of_labels_pages_and_drawings_end_what_they_did() -> None:
    found = {
        name: (len(rows), sum(word is not None for word in words_of(rows))) for name, rows in media_tables(SOURCES)
    }
    assert sum(rows for rows, _ in found.values()) == 30_336 and sum(words for _, words in found.values()) == 340
    assert found["frogs-2022"] == (7_953, 272) and found["eol api"] == (4_496, 65)
    assert found["lycorma-2021"][1] == 0 and found["idigbio"] == (74, 0)  # sheets of a herbarium


def test_people_end_and_animals_do_not() -> None:
    tables = dict(named_tables(SOURCES))
    people = {name: ended("no-people", rows) for name, rows in tables.items()}
    assert people.pop("camtrap-dp, human") == len(tables.pop("camtrap-dp, human")) == 33
    assert set(people.values()) == {0} and sum(map(len, tables.values())) == 9_199
    assert {ended("no-empty-frames", rows) for rows in tables.values()} == {0}


def test_no_tiny_box_has_pixels_enough_and_a_heron_that_keeps_still_is_taken_for_nothing() -> None:
    assert boxes(SOURCES) == (3_070, 481, 0)
    assert still_bursts(sorted((SOURCES / "cameratraps/camtrap-dp/media").glob("*.JPG"))) == (8, 4)


def test_photographs_end_as_often_as_the_page_says() -> None:
    folders = [DATA / "photos", *(SOURCES / "images" / each for each in ("commons", "heliconius"))]
    rows = [
        {"aspect": max(each.size) / min(each.size), **{name: getattr(measures_of(each), name) for name in MEASURES}}
        for each in pictures([str(folder) for folder in folders])
    ]
    with duckdb.connect() as con:
        con.register("m", pa.Table.from_pylist(rows))
        counted = {
            name: con.execute(f"SELECT count(*) FROM m WHERE NOT ({read_condition(text).sql})").fetchall()[0][0]
            for name, text in CONDITIONS.items()
        }
    assert len(rows) == 350
    assert counted == {"no-blanks": 1, "no-blurred": 3, "no-frames": 0, "no-dark-or-glaring": 0, "no-text": 0}
