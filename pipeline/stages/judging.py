"""What follows from a record's address: whether its medium may be asked for, of whom, and the ids of medium and image.

Rows come as Arrow tables, by the batch, and go so: at hundreds of millions of rows an object a row costs hours.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.media.http.sites import Sites
from pipeline.model.chunks import whole
from pipeline.model.evidence_text import evidence
from pipeline.model.ids import box_text
from pipeline.model.outcomes import Outcome
from pipeline.model.records import ENDED_SCHEMA, conform
from pipeline.sources.mapping.vector_ids import id_array

_HELD = (Outcome.LEAK_ID.code, Outcome.LEAK_SPECIES.code)
_BOX = ("box_x", "box_y", "box_w", "box_h")


@dataclass(frozen=True, slots=True)
class Judge:
    """Splits screened rows into those that pass and those that end.

    `stores`: the sources whose media lie in local stores, which have paths instead of addresses.
    """

    sites: Sites
    stores: Collection[str]
    schema: pa.Schema
    """Of what passes: columns of the rows, and image_id, media_id, store, address and host."""

    def __call__(self, rows: pa.Table) -> tuple[pa.Table, pa.Table]:
        """Return what passes (`schema`) and what ends (ENDED_SCHEMA), each in the order of the rows.

        `rows`: what screen knows of records, `outcome` and `evidence` of those that SQL ended, `held_by` and `nth`.
        """
        outcome, path = (whole(rows[name]).cast(pa.string()) for name in ("outcome", "media_path"))
        source = whole(rows["source"])
        stored = pc.and_(
            pc.is_in(source, pa.array(self.stores, pa.string())), pc.fill_null(pc.not_equal(path, ""), False)
        )
        asked = pc.and_(outcome.is_null(), pc.invert(stored))
        places = pc.indices_nonzero(asked)
        refusals, hosts = self.sites.judged(whole(rows["media_url"]).cast(pa.string()).take(places))
        refused = dict(zip(places.take(pa.array(refusals, pa.int64())).to_pylist(), refusals.values(), strict=True))
        ends = outcome.is_valid()
        if refused:
            mask = pc.is_in(pa.array(range(len(rows)), pa.int64()), pa.array(refused, pa.int64()))
            urls = rows["media_url"].filter(mask).to_pylist()
            order = sorted(refused)
            proofs = [
                evidence(rule="address", value=url, reason=refused[place].reason)
                for place, url in zip(order, urls, strict=True)
            ]
            codes = pa.array([refused[place].outcome.code for place in order], pa.string())
            outcome = pc.replace_with_mask(outcome, mask, codes)
            proof = whole(rows["evidence"]).cast(pa.string())
            proof = pc.replace_with_mask(proof, mask, pa.array(proofs, pa.string()))
            rows = _with(rows, outcome=outcome, evidence=proof)
            ends = pc.or_(ends, mask)
        host = pc.replace_with_mask(pa.nulls(len(rows), pa.string()), asked, hosts)
        store = pc.if_else(stored, source, "")
        return self._passed(_with(rows, store=store, host=host).filter(pc.invert(ends))), _ended(rows.filter(ends))

    def _passed(self, rows: pa.Table) -> pa.Table:
        store, of_store = whole(rows["store"]), pc.not_equal(whole(rows["store"]), "")
        address = pc.if_else(of_store, whole(rows["media_path"]), whole(rows["media_url"])).cast(pa.string())
        key = pc.if_else(of_store, pc.binary_join_element_wise(store, address, ":"), address)
        media = id_array("media", key)
        host = pc.if_else(of_store, pc.binary_join_element_wise("store", store, ":"), whole(rows["host"]))
        image = id_array("image", media, _boxes(rows))
        return conform(_with(rows, image_id=image, media_id=media, address=address, host=host), self.schema)


def _ended(rows: pa.Table) -> pa.Table:
    """Return ledger rows; of several statements of one record the later ones have ids of their own."""
    outcome, record = whole(rows["outcome"]).cast(pa.string()), whole(rows["record_id"])
    held = pc.is_in(outcome, pa.array(_HELD))
    again = pc.equal(outcome, Outcome.DUPLICATE_RECORD.code)
    other = pc.if_else(again, record, pc.if_else(held, whole(rows["held_by"]).cast(pa.string()), None))
    numbers = whole(rows["nth"]).cast(pa.string())
    row_id = pc.replace_with_mask(record, again, id_array("duplicate", record.filter(again), numbers.filter(again)))
    return conform(_with(rows, row_id=row_id, other_id=other, raw=pa.nulls(len(rows), pa.string())), ENDED_SCHEMA)


def _boxes(rows: pa.Table) -> pa.Array:
    boxed = whole(rows["box_x"]).is_valid()
    texts = pc.if_else(boxed, None, pa.scalar("", pa.string()))
    if texts.null_count:
        numbers = (rows[name].filter(boxed).to_pylist() for name in _BOX)
        texts = pc.replace_with_mask(texts, boxed, pa.array(map(box_text, *numbers), pa.string()))
    return texts


def _with(rows: pa.Table, **columns: pa.Array) -> pa.Table:
    """Return rows with columns put in the place of those of their names, or behind."""
    for name, column in columns.items():
        at = rows.column_names.index(name) if name in rows.column_names else -1
        rows = rows.append_column(name, column) if at < 0 else rows.set_column(at, name, column)
    return rows
