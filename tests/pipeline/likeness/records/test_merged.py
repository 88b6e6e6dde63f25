"""Two streams in order of a key meet row for row, however they come in batches."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pipeline.likeness.records.merged import ascends, merged

KEYS = st.sets(st.sampled_from([f"{letter}{accent}" for letter in "abcdé𝔞" for accent in ("", "́", "z")]))
SIZES = st.lists(st.integers(0, 4), min_size=1, max_size=5)


def batches(keys: list[str], sizes: list[int], **more: str) -> Iterator[pa.RecordBatch]:
    """Cut rows of these keys into batches of these sizes, the last one of all that is left."""
    for size in [*sizes, len(keys)]:
        some, keys = keys[:size], keys[size:]
        columns = {"id": pa.array(some, pa.string())}
        yield pa.record_batch(
            columns | {name: pa.array([text + key for key in some], pa.string()) for name, text in more.items()}
        )


@given(KEYS, KEYS, SIZES, SIZES)
def test_every_row_of_the_left_meets_its_row_of_the_right(
    left: set[str], right: set[str], one: list[int], two: list[int]
) -> None:
    tables = merged(batches(sorted(left), one, a="left "), batches(sorted(right), two, b="right "), "id")
    rows = [row for table in tables for row in table.to_pylist()]
    assert rows == [{"id": key, "a": f"left {key}", "b": f"right {key}"} for key in sorted(left & right)]


@given(st.lists(st.sampled_from(["", "a", "b", "é", "𝔞"]), max_size=6), SIZES)
def test_keys_ascend_where_each_is_greater_than_the_one_before(keys: list[str], sizes: list[int]) -> None:
    assert ascends(batches(keys, sizes)) == (keys == sorted(set(keys)))
