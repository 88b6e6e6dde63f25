"""Rows judged by the batch end and pass as each would by itself."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.recipe import FetchRules, Recipe, SourceSpec
from pipeline.media import check_url, to_uri
from pipeline.media.http.guards import MAX_URL_LENGTH
from pipeline.media.http.sites import Sites
from pipeline.model import ids
from pipeline.stages.screen import judge_of

RULES = FetchRules(hosts=("*.example.org", "example.org", "a.test:81", "203.0.113.7", "xn--bcher-kva.example"))
WRITTEN = r"https?://[a-zA-Z0-9._-]{0,12}(\.example\.org)?(:[0-9]{0,6})?[/?#\\@:]?[ -~]{0,9}"
ADDRESSES = [
    "http://example.org/a.jpg",
    "https://a.example.org",
    "https://a.example.org?x=1&amp;y=2",
    "http://a.example.org:80/",
    "http://a.example.org:443/",
    "http://a.example.org:25/",
    "http://a.example.org:0/",
    "http://a.example.org:080/",
    "http://a.example.org:99999/",
    "http://a.test:81/x",
    "http://a.test:82/x",
    "http://example.org./a",
    "http://.example.org/a",
    "http://a..example.org/a",
    "HTTP://A.Example.ORG/a",
    " http://example.org/a ",
    "http://example.org/a b",
    "http://example.org/Küste",
    "http://bücher.example/",
    "http://example.org\\@evil.test/",
    "http://example.org/\\evil",
    "http://me:secret@example.org/",
    "http://example.org/@me",
    "http://203.0.113.7/1",
    "http://[2001:db8::1]/1",
    "http://example.org/\x00",
    "http://example.org/%zz",
    "http://example.org/../../a",
    "http://example.org/#top",
    "http://example.org#top@evil.test",
    "http://example.org/\n",
    "http://example.org\n",
    "ftp://example.org/a",
    "//example.org/a",
    "http:example.org",
    "http:///a",
    "http://",
    "",
    None,
    "nonsense",
    "http://" + "a" * 64 + ".example.org/",
    "http://" + "a." * 126 + "example.org/",
    "http://example.org/" + "a" * (MAX_URL_LENGTH - 19),
    "http://example.org/" + "a" * (MAX_URL_LENGTH - 18),
    "http://example.org/" + "&amp;" * 2000,
]


def alone(address: str | None) -> tuple[object, str | None]:
    refusal = check_url(address or "", RULES)
    return refusal, None if refusal else to_uri(address or "").netloc


def together(addresses: list[str | None]) -> list[tuple[object, str | None]]:
    refusals, hosts = Sites(RULES).judged(pa.array(addresses, pa.string()))
    return [(refusals.get(place), host) for place, host in enumerate(hosts.to_pylist())]


def test_addresses_are_judged_together_as_alone() -> None:
    assert together(ADDRESSES) == [alone(address) for address in ADDRESSES]
    verdicts = {verdict is None for verdict, _ in together(ADDRESSES)}
    assert verdicts == {True, False}


@given(
    st.lists(
        st.one_of(
            st.from_regex(
                r"https?://[a-zA-Z0-9._-]{0,12}(\.example\.org)?(:[0-9]{0,6})?[/?#\\@:]?[ -~]{0,9}", fullmatch=True
            ),
            st.text(max_size=20),
            st.sampled_from(ADDRESSES),
        )
    )
)
def test_any_addresses_are_judged_together_as_alone(addresses: list[str | None]) -> None:
    assert together(addresses) == [alone(address) for address in addresses]


def row(number: int, **given: object) -> dict[str, Any]:
    return {
        **dict.fromkeys(("outcome", "evidence", "held_by", "media_path", "box_x", "box_y", "box_w", "box_h")),
        "record_id": f"r{number}",
        "source": "web",
        "nth": 1,
        "media_url": "http://example.org/1",
        "name_id": "n",
        "locator_file": "f",
        "locator_row": number,
        "locator_offset": -1,
        "pixels": None,
        "provenance": 1,
        **given,
    }


ROWS = [
    row(0),
    row(1, source="local", media_path="a/b.jpg", media_url=None),
    row(2, source="local", media_path="", media_url="http://example.org/2"),
    row(3, source="web", media_path="a/b.jpg"),
    row(4, media_url="ftp://example.org/"),
    row(5, media_url=None),
    row(6, box_x=1.0, box_y=2.5, box_w=1e22, box_h=0.1),
    row(7, outcome="licence_unknown", evidence='{"rule":"licence"}', held_by="b"),
    row(8, outcome="leak_id", evidence="{}", held_by="b"),
    row(9, outcome="duplicate_record", evidence="{}", nth=3),
    row(10, media_url="http://elsewhere.test/"),
]


def test_rows_pass_and_end_with_ids_and_evidence_of_their_own() -> None:
    sources = (SourceSpec("web", "gbif-dwca", "x"), SourceSpec("local", "gbif-dwca", "x", media="store"))
    passed, ended = judge_of(Recipe("r", sources, fetch=RULES))(pa.Table.from_pylist(ROWS))
    kept = {row["record_id"]: row for row in passed.to_pylist()}
    assert list(kept) == ["r0", "r1", "r2", "r3", "r6"]
    assert (kept["r1"]["store"], kept["r1"]["address"], kept["r1"]["host"]) == ("local", "a/b.jpg", "store:local")
    assert kept["r1"]["media_id"] == ids.media_id("local:a/b.jpg")
    assert (kept["r2"]["store"], kept["r2"]["address"], kept["r2"]["host"]) == (
        "",
        "http://example.org/2",
        "example.org",
    )
    assert kept["r3"]["media_id"] == kept["r0"]["media_id"] == ids.media_id("http://example.org/1")
    assert kept["r0"]["image_id"] == ids.image_id(kept["r0"]["media_id"])
    assert kept["r6"]["image_id"] == ids.image_id(kept["r6"]["media_id"], ids.box_text(1.0, 2.5, 1e22, 0.1))
    gone = {row["row_id"]: row for row in ended.to_pylist()}
    assert [row["outcome"] for row in gone.values()] == [
        *("bad_url", "bad_url", "licence_unknown", "leak_id", "duplicate_record", "host_not_allowed")
    ]
    assert json.loads(gone["r4"]["evidence"]) == {
        "rule": "address",
        "value": "ftp://example.org/",
        "reason": "the scheme is 'ftp', not http or https",
    }
    assert json.loads(gone["r5"]["evidence"])["value"] is None
    assert (gone["r7"]["other_id"], gone["r8"]["other_id"]) == (None, "b")
    assert gone["r7"]["evidence"] == '{"rule":"licence"}'
    assert gone[ids.make_id("duplicate", "r9", "3")]["other_id"] == "r9"


@pytest.mark.parametrize("rows", [[], ROWS[7:9], ROWS[:1]])
def test_nothing_may_pass_and_nothing_end(rows: list[dict[str, Any]]) -> None:
    recipe = Recipe("r", (SourceSpec("web", "gbif-dwca", "x"),), fetch=RULES)
    table = pa.Table.from_pylist(rows, pa.Table.from_pylist(ROWS).schema)
    passed, ended = judge_of(recipe)(table)
    assert passed.num_rows + ended.num_rows == len(rows)
