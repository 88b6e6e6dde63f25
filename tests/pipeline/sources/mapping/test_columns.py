"""Building canonical columns: fast paths give what the plain functions give."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.recipe import SOURCE_KINDS
from pipeline.model.errors import SourceError
from pipeline.model.ids import record_id
from pipeline.model.media_keys import media_key
from pipeline.sources import SOURCES, open_source
from pipeline.sources.mapping import columns as c
from pipeline.sources.mapping.media_types import media_kind
from pipeline.sources.mapping.vector_ids import md5_array, record_id_array

TEXT = st.text(max_size=8)


@settings(max_examples=60, deadline=None)
@given(TEXT, st.lists(st.tuples(TEXT, TEXT, TEXT), max_size=5), st.integers(0, 2))
def test_record_ids_are_those_of_the_plain_function(source: str, rows: list[tuple[str, str, str]], skip: int) -> None:
    columns = [pa.array([row[i] for row in rows], pa.string()).slice(skip) for i in range(3)]
    assert record_id_array(source, *columns).to_pylist() == [record_id(source, *row) for row in rows[skip:]]
    md5 = [hashlib.md5(row[0].encode()).hexdigest() for row in rows[skip:]]
    assert md5_array(columns[0]).to_pylist() == md5


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.one_of(st.none(), TEXT, st.sampled_from([" a", "a ", "\u3000a", "é", ""])), max_size=4),
    st.integers(0, 1),
)
def test_text_is_stripped_and_blank_is_null(values: list[str | None], skip: int) -> None:
    array = pa.array(values, pa.string())
    slow = pc.utf8_trim_whitespace(array)
    expected = [value or None for value in slow.to_pylist()][skip:]
    assert c.text(pa.table({"x": array}).slice(skip), "x").to_pylist() == expected


@settings(max_examples=60, deadline=None)
@given(TEXT, st.lists(st.one_of(st.none(), TEXT), max_size=4))
def test_evidence_is_the_json_of_rule_and_value(rule: str, values: list[str | None]) -> None:
    made = c.evidence_of(rule, pa.array(values, pa.string())).to_pylist()
    assert made == [json.dumps({"rule": rule, "value": v or ""}, sort_keys=True, ensure_ascii=False) for v in values]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.sampled_from([None, "", "B;A", "C", "Z"])), max_size=6))
def test_issues_are_sorted_and_told_once(rows: list[tuple[bool, bool, str | None]]) -> None:
    masks = {"Z": np.array([row[0] for row in rows], bool), "A": np.array([row[1] for row in rows], bool)}
    made = c.issue_lists(masks, len(rows), own=pa.array([row[2] for row in rows], pa.string())).to_pylist()
    for (z, a, own), codes in zip(rows, made, strict=True):
        wanted = {code for code in (own or "").split(";") if code} | ({"Z"} if z else set()) | ({"A"} if a else set())
        assert codes == sorted(wanted) or (len(codes) == 1 and set(codes) == wanted)


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
    assert tuple(open_source(kind).kind for kind in SOURCES) == SOURCE_KINDS
    with pytest.raises(SourceError, match="no reader"):
        open_source("gbif")
