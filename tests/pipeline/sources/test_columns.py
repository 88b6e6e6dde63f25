"""Building canonical columns: fast paths give what the plain functions give."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.recipe import SOURCE_KINDS
from pipeline.errors import SourceError
from pipeline.ids import record_id
from pipeline.media_keys import media_key
from pipeline.sources import SOURCES, open_source
from pipeline.sources import columns as c
from pipeline.sources.media_types import media_kind

TEXT = st.text(max_size=8)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT, TEXT, TEXT), max_size=5))
def test_record_ids_are_those_of_the_plain_function(rows: list[tuple[str, str, str, str]]) -> None:
    made = c.record_ids(*[[row[i] for row in rows] for i in range(4)])
    assert made == [record_id(*row) for row in rows]


HOST = r"https?://(static\.inaturalist\.org|inaturalist-open-data\.s3\.amazonaws\.com)"
URLS = st.one_of(
    st.from_regex(HOST + r"/photos/[0-9]{0,4}(/|\.)?[a-z.?]{0,6}", fullmatch=True),
    st.from_regex(r"[hH]ttps?://[a-zA-Z.]{1,9}(:80)?/[a-z/#?]{0,6}", fullmatch=True),
    st.text(max_size=12),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(URLS, max_size=6))
def test_media_keys_are_those_of_the_plain_function(urls: list[str]) -> None:
    assert c.media_keys(pa.array(urls, pa.string())).to_pylist() == [media_key(url) for url in urls]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(st.floats().map(str), st.text(max_size=6), st.none()), max_size=6))
def test_numbers_are_finite_or_null(values: list[str | None]) -> None:
    for value, read in zip(values, c.numbers(pa.array(values, pa.string())).to_pylist(), strict=True):
        assert read is None or read == pytest.approx(float(str(value)))


@settings(max_examples=100, deadline=None)
@given(TEXT, TEXT, TEXT)
def test_media_kinds_are_total(kind: str, mime: str, extension: str) -> None:
    assert media_kind(kind, mime, extension).type in (
        *("StillImage", "Sound", "MovingImage", "InteractiveResource", "Map", "Unknown"),
    )


def test_there_is_a_reader_for_every_kind_that_a_recipe_may_name() -> None:
    assert tuple(SOURCES) == SOURCE_KINDS
    with pytest.raises(SourceError, match="no reader"):
        open_source("gbif")
