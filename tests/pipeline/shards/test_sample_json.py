"""What is told of a sample: every key, always of one type, alike in JSON, in Parquet and in what cards declare."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.shards import SAMPLE_SCHEMA, json_form, json_schema, key_table, sample, sample_json
from tests.conftest import Demo

ROOT = Path(__file__).parents[3]
REQUIRED = {"weight": 0.5, "width": 3, "height": 2, "source_width": 6, "source_height": 4}
NUMBERS = ("lat", "lon", "quality", "box_x", "box_y", "box_w", "box_h")
TEXTS = ("record_id", "creator", "genus", "phash", "license_id", "dna_bin", "box_id")
ROWS = st.fixed_dictionaries(
    {"weight": st.floats(1e-6, 1.0), **{name: st.integers(1, 60_000) for name in REQUIRED if name != "weight"}},
    optional={
        **{name: st.none() | st.floats() for name in NUMBERS if name != "quality"},
        "quality": st.none() | st.integers(0, 100),
        **{name: st.none() | st.text() for name in TEXTS},
        "may_sell": st.none() | st.booleans(),
    },
)


def refuse(word: str) -> None:
    raise AssertionError(f"{word} is not JSON")


def strict(text: str) -> Any:
    return json.loads(text, parse_constant=refuse)


def told_types(value: Any) -> Any:
    """Return the types that a reader would infer from one sample alone."""
    return {key: told_types(each) for key, each in value.items()} if isinstance(value, dict) else type(value)


def declared_types(fields: Any) -> Any:
    kinds = {pa.string(): str, pa.int64(): int, pa.float64(): float, pa.bool_(): bool}
    return {f.name: declared_types(f.type) if pa.types.is_struct(f.type) else kinds[f.type] for f in fields}


def samples(shards: Path) -> list[str]:
    found = []
    for shard in sorted(shards.glob("*.tar")):
        with tarfile.open(shard) as tar:
            for member in tar:
                if member.name.endswith(".json"):
                    handle = tar.extractfile(member)
                    assert handle is not None
                    found.append(handle.read().decode())
    return found


def test_every_sample_of_a_run_has_exactly_the_declared_keys_and_types(demo: Demo) -> None:
    texts = samples(demo.out / "shards")
    assert len(texts) > 250
    wanted = declared_types(json_schema())
    for text in texts:
        assert told_types(strict(text)) == wanted
    # Both cases occur, or the test would say nothing.
    for key in ("lat", "box", "creator", "dna_bin", "sex"):
        assert {bool(strict(text)[key]) for text in texts} == {True, False}, key


@given(ROWS)
def test_any_row_gives_valid_json_of_the_declared_types_and_a_row_of_the_schema(row: dict[str, Any]) -> None:
    found = sample(row, {"sci": "a photo of Puma."})
    text = sample_json(found)
    told = strict(text)
    assert told_types(told) == declared_types(json_schema())
    assert told == json_form(found) and list(told) == SAMPLE_SCHEMA.names
    assert pa.Table.from_pylist([found], SAMPLE_SCHEMA).to_pylist() == [found]


@pytest.mark.parametrize("value", [0.0, -0.0, 1e-9, -85.4, 180.0])
def test_a_number_that_may_be_absent_is_told_exactly_and_apart_from_absence(value: float) -> None:
    told = json_form(sample({**REQUIRED, "lat": value}, {}))
    assert float(told["lat"]) == value and told["lat"] and told["lon"] == ""


@pytest.mark.parametrize("side", ["box_x", "box_y", "box_w", "box_h"])
def test_a_box_is_whole_or_not_there(side: str) -> None:
    box = {"box_x": 0.0, "box_y": 1.5, "box_w": 10.0, "box_h": 20.25}
    whole, part = (json_form(sample({**REQUIRED, **each}, {}))["box"] for each in (box, {**box, side: None}))
    assert [float(each) for each in whole.split()] == list(box.values()) and part.split() == []


@pytest.mark.parametrize("number", REQUIRED)
def test_a_row_without_a_number_that_every_sample_has_is_an_error(number: str) -> None:
    with pytest.raises(TypeError):
        sample({**REQUIRED, number: None}, {})


def test_the_docs_tell_every_key(demo: Demo) -> None:
    table = "\n".join(key_table())
    assert table in (ROOT / "docs" / "shards.md").read_text()
    assert table in (demo.out / "shards" / "README.md").read_text()


def test_a_parts_digests_name_the_files_beside_the_shard(demo: Demo) -> None:
    part = sorted((demo.out / "shards" / "parts").glob("*.parquet"))[0]
    names = {name.decode() for name in pq.read_schema(part).metadata}
    assert names == {part.stem, part.stem.replace(".tar", ".idx")}
