"""Words that say that a medium shows a label, a document or a drawing are found, and names of organisms are none."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.sources.mapping.subject_words import STATED, subject_words


def words(**columns: str | None) -> str | None:
    arrays = {
        name.replace("subject_part", "subject part"): pa.array([text], pa.string()) for name, text in columns.items()
    }
    found: str | None = subject_words(arrays, 1)[0].as_py()
    return found


@pytest.mark.parametrize(
    ("stated", "found"),
    [
        ({"title": "Illustration Carum carvi.jpg"}, "title: illustration"),
        ({"title": "Muscus pulmonarius (illustration).jpg"}, "title: illustration"),
        ({"description": "catalog page"}, "description: catalog page"),
        ({"description": "Ficha"}, "description: ficha"),
        ({"description": "Label image for C0237399F"}, "description: label"),
        ({"title": "HERBARETIKETT; Etikett"}, "title: etikett"),
        ({"title": "ÉTIQUETTE du type"}, "title: étiquette"),
        ({"title": "Ilustração de Bradypus"}, "title: ilustração"),
        ({"title": "drawer 12, unit tray"}, "title: drawer"),
        ({"title": "n149_w1150"}, "title: n149_w1150"),
        ({"title": "Plate 8"}, "title: plate 8"),
        ({"subtype": "Map"}, "subtype: map"),
        ({"subject_part": "specimenLabel"}, "subject part: specimenlabel"),
        ({"media_url": "https://a.example/269.R157223_P_label_jpg.jpg"}, "file: label"),
        ({"media_url": "https://a.example/x/Label.JPG?size=large#top"}, "file: label"),
        ({"media_path": "trays\\7\\drawer.tif"}, "file: drawer"),
        ({"source_page": "https://commons.example/wiki/File:Carum_-_pencil_drawing.jpeg"}, "page: drawing"),
        (
            {"source_page": "https://www.flickr.com/photos/biodivlibrary/6418327413/"},
            "page: flickr.com/photos/biodivlibrary",
        ),
        ({"title": None, "caption": "distribution map", "media_url": "label.jpg"}, "caption: distribution map"),
    ],
)
def test_words_are_told_with_where_they_stood(stated: dict[str, str | None], found: str) -> None:
    assert words(**stated) == found


@pytest.mark.parametrize(
    "title",
    [
        *("Cynara cardunculus", "Carduelis chloris", "Yellow Map Lichen", "Red Maple", "Painted turtle", "Map turtle"),
        *("Beetroot on plate", "Orange map butterfly", "Labellum of an orchid", "Withdrawer"),
        *("Holotype with label", "Habitus and labels", "Beetle with its original labels", "ohne Etikett", "", " "),
        *("Photograph", "Dorsal", "Herbarium sheet with barcode", "Plateau 8", "Homo ficharum", "Draw", "illustris"),
    ],
)
def test_names_of_organisms_and_specimens_with_labels_are_no_such_words(title: str) -> None:
    assert words(title=title) is None and words(caption=title) is None
    assert words(subtype=title) in (None, "subtype: map")


def test_folders_queries_hosts_and_pages_that_are_no_pictures_tell_nothing() -> None:
    assert words(media_url="https://labels.example/drawings/1.jpg?label=1#drawing") is None
    assert words(source_page="https://a.example/catalog/illustration") is None
    assert words(media_url="https://a.example/drawing/") is None


def test_prose_is_not_looked_at() -> None:
    assert words(description="label") == "description: label"
    assert words(description="label" + " very long" * 9) is None
    assert words(title="drawing" + "x" * 300) is None


def test_each_row_has_its_own_words_and_the_first_column_speaks() -> None:
    columns = {
        "title": pa.array(["Drawing", None, "x", None, "with label"]),
        "description": pa.array(["label", "label", None, None, None]),
        "media_url": pa.array(["sketch.jpg", "sketch.jpg", "a/sketch.jpg", "a/b.jpg", "label.jpg"]),
    }
    found = subject_words(columns, 5).to_pylist()
    assert found == ["title: drawing", "description: label", "file: sketch", None, "file: label"]
    assert subject_words({}, 3).to_pylist() == [None] * 3 and len(subject_words({}, 0)) == 0
    nothing = {name: pa.nulls(2, pa.string()) for name in (*STATED, "media_url")}
    assert subject_words(nothing, 2).to_pylist() == [None, None]


@given(st.lists(st.one_of(st.none(), st.text(max_size=60)), max_size=8))
@settings(max_examples=30, deadline=None)
def test_any_text_is_read_and_only_words_of_the_list_are_kept(texts: list[str | None]) -> None:
    texts = [text and text.encode("utf-8", "ignore").decode() for text in texts]
    column = pa.array(texts, pa.string())
    for name in ("title", "media_url", "source_page"):
        found = subject_words({name: column}, len(texts)).to_pylist()
        for text, word in zip(texts, found, strict=True):
            assert word is None or (text and word.split(": ", 1)[1] in text.lower())
