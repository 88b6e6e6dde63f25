"""The check of a buffer finds every pair of places that lie too near, wherever on earth."""

from __future__ import annotations

import duckdb
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.storage.statements import Statements
from tests.pipeline.splits.test_splits import PLACES, kilometres

_SQL = Statements("pipeline.verify.named_splits")


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(PLACES, st.booleans()), max_size=25), st.floats(1, 3000))
def test_places_within_a_distance_are_those_of_all_pairs(
    drawn: list[tuple[tuple[float, float], bool]], reach: float
) -> None:
    rows = [
        {"record_id": str(place), "lat": lat, "lon": lon, "split": "train" if ours else "val"}
        for place, ((lat, lon), ours) in enumerate(drawn)
    ]
    expected = {
        (one["lat"], one["lon"], other["lat"], other["lon"])
        for one in rows
        for other in rows
        if one["split"] == "train" and other["split"] == "val" and kilometres(one, other) < reach * (1 - 1e-9)
    }
    schema = pa.schema(
        [("record_id", pa.string()), ("lat", pa.float64()), ("lon", pa.float64()), ("split", pa.string())]
    )
    with duckdb.connect() as con:
        con.register("decisions", pa.Table.from_pylist(rows, schema).select(["record_id", "split"]))
        con.register("records", pa.Table.from_pylist(rows, schema).select(["record_id", "lat", "lon"]))
        query = _SQL("near", decisions="decisions", records="records", first="train", kilometres=reach)
        assert set(con.execute(query).fetchall()) == expected
