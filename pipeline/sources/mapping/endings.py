"""Reasons for which rows end at ingest, tried in order: the first that holds gives the row its outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.model.ids import ended_id, record_id
from pipeline.model.outcomes import Outcome
from pipeline.model.records import ENDED_SCHEMA
from pipeline.sources.mapping import columns as c


@dataclass(frozen=True, slots=True)
class Ending:
    """One reason: the outcome, the rows it holds for, the rule in words, and the value that shows it."""

    outcome: Outcome
    mask: c.Mask
    rule: str
    value: pa.Array | None = None


@dataclass(frozen=True, slots=True)
class Keys:
    """What a row's id is made of; null where the row does not say, empty where there is none to say."""

    record: pa.Array
    media: pa.Array
    box: pa.Array | None = None


def end_rows(table: pa.Table, endings: Sequence[Ending], keys: Keys, source: str, name: str) -> tuple[c.Mask, pa.Table]:
    """Return the rows that go on, as a mask, and the ledger of those that end here.

    A row that says what record and medium it is has the id that its record would have had; any other has an id made
    of its content and the table's name.
    """
    left = np.ones(table.num_rows, dtype=bool)
    ledgers = [ENDED_SCHEMA.empty_table()]
    for ending in endings:
        ends = left & ending.mask
        left &= ~ending.mask
        if ends.any():
            ledgers.append(_ledger(table, ending, keys, ends, source, name))
    return left, pa.concat_tables(ledgers)


def _ledger(table: pa.Table, ending: Ending, keys: Keys, ends: c.Mask, source: str, name: str) -> pa.Table:
    mask = pa.array(ends)
    rows = table.filter(mask)
    values = ending.value.filter(mask) if ending.value is not None else keys.record.filter(mask)
    parts = [pc.fill_null(keys.box.filter(mask), "").to_pylist() if keys.box is not None else [""] * rows.num_rows]
    ids = []
    for record, media, box, content in zip(
        keys.record.filter(mask).to_pylist(),
        keys.media.filter(mask).to_pylist(),
        *parts,
        c.row_texts(rows),
        strict=True,
    ):
        known = record is not None and media is not None
        ids.append(record_id(source, record, media, box) if known else ended_id(source, name, content))
    evidence = [{"rule": ending.rule, "value": (value or "")[:200]} for value in values.to_pylist()]
    return c.ended_rows(rows, source, ending.outcome, ids, evidence)
