"""What is decided of kept records when all are known: quotas, splits and weights, in SQL.

Order among equals is a seeded hash of the record id, so the choice does not depend on the order of the input, and the
plain split is a hash of the group, so that images which belong together never straddle it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from manifests import Recipe
from pipeline.model.chunks import whole
from pipeline.model.evidence_text import evidence
from pipeline.model.ids import hash64
from pipeline.model.outcomes import Outcome
from pipeline.model.records import ENDED_SCHEMA, conform
from pipeline.model.vector_hashes import hash64_array
from pipeline.quotas.preferred import note_orders
from pipeline.quotas.quota_decisions import note_ended
from pipeline.quotas.quota_rules import evidence_sql, has_quotas, outcome_sql
from pipeline.splits.group_splits import Deciding, Tables
from pipeline.storage import database as sql
from pipeline.storage.statements import Statements

if TYPE_CHECKING:
    import duckdb

DECISION_SCHEMA = pa.schema(
    [
        pa.field("record_id", pa.string()),
        pa.field("source", pa.string()),
        pa.field("image_id", pa.string()),
        pa.field("media_id", pa.string()),
        pa.field("group_id", pa.string()),
        pa.field("name_id", pa.string()),  # of names or of likeness/labels
        pa.field("split", pa.string()),  # train or val, or as the recipe names them
        pa.field("weight", pa.float64()),  # 1 / sqrt(kept images of the accepted taxon)
        pa.field("accepted_id", pa.string()),
    ]
)
_SQL = Statements(__name__)
_SPLIT_SALT = "split"


def split_of(seed: int, group: str, validation_percent: float) -> str:
    """Return the split of a group: a pure function of seed and group.

    >>> split_of(0, "a", 0.0), split_of(0, "a", 100.0)
    ('train', 'val')
    """
    share = hash64(seed, f"{_SPLIT_SALT}:{group}") / 2**64
    return "val" if share < validation_percent / 100 else "train"


def decide(
    con: duckdb.DuckDBPyConnection, kept: str, names: str, recipe: Recipe, records: str = "", media: str = ""
) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Yield the decisions on kept records, and ledger rows of those beyond the quotas, in the order of their ids.

    `kept`, `names`: FROM clauses of what likeness kept, and of the names that it may be labelled with. `records`,
    `media`: those of what quotas and splits of a recipe ask beside; plain ones ask nothing.
    """
    cap = recipe.select.cap_per_taxon
    note_orders(con, recipe.seed)
    if has_quotas(recipe) or recipe.splits is not None:
        query = _planned(con, kept, names, recipe, records, media)
    else:
        con.execute(_SQL("totals", kept=kept, names=names))
        beyond = _SQL("beyond", kept=kept, names=names, cap=cap) if cap else _SQL("none_beyond")
        query = _SQL("kept_with_counts", kept=kept, names=names, beyond=beyond)
    for batch in sql.batches(con, query):
        rows = pa.Table.from_batches([batch])
        yield _decided(rows.filter(pc.invert(rows["beyond"])), recipe), _ended(rows.filter(rows["beyond"]), cap)


def _planned(con: duckdb.DuckDBPyConnection, kept: str, names: str, recipe: Recipe, records: str, media: str) -> str:
    """Decide by the rules of quotas and of named splits; return the query of what was decided, as of plain ones."""
    note_ended(con, recipe, kept, names, records, media)
    split = "NULL::VARCHAR AS group_id, NULL::VARCHAR AS split WHERE false"
    if recipe.splits is not None:
        Deciding(con, recipe, Tables(kept, names, records)).decide()
        split = "* FROM split_of"
    con.execute(_SQL("totals_left", kept=kept, names=names))
    columns = recipe.select.quota_columns or ()
    proof = evidence_sql("e.rule", "e.had", "e.wanted", "n.accepted_id", "d.split", columns)
    joins = f"LEFT JOIN {records} r USING (record_id)" if columns else ""
    outcome = outcome_sql("e.rule")
    return _SQL("decided", kept=kept, names=names, split=split, evidence=proof, outcome=outcome, joins=joins)


def splits_of(seed: int, groups: pa.Array, validation_percent: float) -> pa.Array:
    """Return `split_of` of every group.

    >>> splits_of(0, pa.array(["a", "b"]), 100.0).to_pylist()
    ['val', 'val']
    """
    share = hash64_array(seed, _SPLIT_SALT, groups).astype(np.float64) / 2**64
    return pc.if_else(pa.array(share < validation_percent / 100), "val", "train")


def _decided(rows: pa.Table, recipe: Recipe) -> pa.Table:
    """Return the decisions on kept records: `rows` with group_id, and `total`, the records of their taxon."""
    cap = 0 if "split" in rows.column_names else recipe.select.cap_per_taxon
    images = whole(pc.min_element_wise(rows["total"], cap) if cap else rows["total"]).dictionary_encode()
    # NumPy's power may differ from Python's in the last bit.
    weights = pa.array([count**-0.5 for count in images.dictionary.to_pylist()], pa.float64())
    if recipe.splits is None:
        rows = rows.drop_columns([name for name in ("split",) if name in rows.column_names])
        percent = recipe.select.validation_percent
        rows = rows.append_column("split", splits_of(recipe.seed, whole(rows["group_id"]), percent))
    return conform(rows.append_column("weight", weights.take(images.indices)), DECISION_SCHEMA)


def _ended(rows: pa.Table, cap: int) -> pa.Table:
    """Return the ledger rows of what is beyond the quotas."""
    if "evidence" not in rows.column_names:
        each = zip(rows["total"].to_pylist(), rows["accepted_id"].to_pylist(), strict=True)
        proofs = [evidence(rule="cap_per_taxon", cap=cap, images=total, taxon=taxon) for total, taxon in each]
        outcome = pa.repeat(pa.scalar(Outcome.OVER_QUOTA.code), len(rows))
        rows = rows.append_column("evidence", pa.array(proofs, pa.string())).append_column("outcome", outcome)
    return conform(rows.append_column("row_id", rows["record_id"]), ENDED_SCHEMA)
