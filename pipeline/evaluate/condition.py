"""Which pictures are judged: a condition in SQL on the view `samples` of a run, or a SELECT of keys."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.evaluate.labelled import Labelled
from pipeline.evaluate.measures.vectors import Flags
from pipeline.model.errors import EvaluationError


def chosen_by(where: str | os.PathLike[str], condition: str, pictures: Labelled) -> Flags:
    """Return which pictures of a run or of shards a condition is true of; '' is true of all.

    `where` as in `pipeline.feed.Feed`. Beside shards without a catalog, and at an address, the condition may ask the
    columns of the manifest. Raises FeedError for a condition that cannot be answered, EvaluationError where it is true
    of no picture.
    """
    if not condition:
        return np.ones(len(pictures), np.bool_)
    keys = chosen_keys(os.fspath(where), condition).cast(pa.string())
    found = np.asarray(pc.is_in(pa.array(pictures.keys, pa.string()), keys.combine_chunks()), np.bool_)
    if not found.any():
        raise EvaluationError(
            "no picture is chosen",
            where=condition,
            expected=f"a condition that is true of some of {len(pictures):,} pictures",
            remedy='try it first: biomill sql RUN "SELECT count(*) FROM samples WHERE …"',
        )
    return found


def chosen_keys(where: str, condition: str) -> pa.ChunkedArray:
    """Return the keys of a run or of shards that a condition is true of, or that a SELECT gives.

    Raises FeedError for a condition that cannot be answered.
    """
    import duckdb

    from pipeline.catalog import open_catalog
    from pipeline.feed.feed import located
    from pipeline.feed.selection import selected_keys
    from pipeline.storage.parquet_files import read_table
    from pipeline.storage.places import place

    given = place(where)
    folder, run = located(str(given) if isinstance(given, Path) else where)
    if run is not None:
        with open_catalog(run) as con:
            return selected_keys(con, condition)
    con = duckdb.connect(config={"enable_external_access": False})
    try:
        con.execute("SET enable_progress_bar = false")  # it is drawn on standard output, where the answer goes
        con.register("samples", read_table(place(f"{folder}/manifest.parquet")))
        return selected_keys(con, condition)
    finally:
        con.close()
