"""Rows that end: the first reason that holds decides, and the evidence shows the value that it was decided by."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa

from pipeline.model.ids import record_id
from pipeline.model.outcomes import Outcome
from pipeline.model.records import LOCATOR_COLUMNS
from pipeline.sources.mapping.endings import Ending, Keys, end_rows


def test_the_first_reason_that_holds_tells_its_value_or_else_the_record() -> None:
    where = dict(zip(LOCATOR_COLUMNS, (["f"] * 3, [1, 2, 3], [0, 9, 18]), strict=True))
    table = pa.table({"record": ["r1", "r2", "r3"], "address": ["ftp:", None, "https:"], **where})
    keys = Keys(table.column("record").combine_chunks(), table.column("record").combine_chunks())
    endings = [
        Ending(Outcome.NO_URL, np.array([True, True, False]), "no address", table.column("address").combine_chunks()),
        Ending(Outcome.ID_MISSING, np.array([True, False, True]), "no id"),
    ]
    left, ended = end_rows(table, endings, keys, "s", "rows")
    assert not left.any()
    told = {row["row_id"]: (row["outcome"], json.loads(row["evidence"])) for row in ended.to_pylist()}
    assert told == {
        record_id("s", "r1", "r1"): ("no_url", {"rule": "no address", "value": "ftp:"}),
        record_id("s", "r2", "r2"): ("no_url", {"rule": "no address", "value": ""}),
        record_id("s", "r3", "r3"): ("id_missing", {"rule": "no id", "value": "r3"}),
    }
