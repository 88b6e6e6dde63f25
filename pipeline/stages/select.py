"""Select: decisions that need the counts of the whole catalog. Quota, split and weight, in SQL.

Order among equals is a seeded hash of the record id, so the choice does not depend on the order of the input, and the
split is a hash of the group, so that images which belong together never straddle it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from duckdb.func import ARROW

from manifests import Recipe, RecipePath
from manifests.paths import as_given
from pipeline.model.chunks import whole
from pipeline.model.evidence_text import evidence
from pipeline.model.ids import hash64
from pipeline.model.outcomes import Outcome
from pipeline.model.records import ENDED_SCHEMA, conform
from pipeline.model.vector_hashes import hash64_array, hexadecimal
from pipeline.privacy import write_places
from pipeline.stages.base import Balance, Context, Stage, balance_of
from pipeline.storage import database as sql
from pipeline.storage.files.atomic import table_writer
from pipeline.storage.places import local_folder
from pipeline.storage.places.published import taken
from pipeline.storage.statements import Statements

if TYPE_CHECKING:
    import duckdb

    from pipeline.engine.engine import Engine
    from pipeline.storage.places.publisher import Publisher

DECISION_SCHEMA = pa.schema(
    [
        pa.field("record_id", pa.string()),
        pa.field("source", pa.string()),
        pa.field("image_id", pa.string()),
        pa.field("media_id", pa.string()),
        pa.field("group_id", pa.string()),
        pa.field("name_id", pa.string()),  # of names or of likeness/labels
        pa.field("split", pa.string()),  # train or val
        pa.field("weight", pa.float64()),  # 1 / sqrt(kept images of the accepted taxon)
        pa.field("accepted_id", pa.string()),
    ]
)
_SQL = Statements(__name__)
_SPLIT_SALT, _QUOTA_SALT = "split", "quota"


def split_of(seed: int, group: str, validation_percent: float) -> str:
    """Return the split of a group: a pure function of seed and group.

    >>> split_of(0, "a", 0.0), split_of(0, "a", 100.0)
    ('train', 'val')
    """
    share = hash64(seed, f"{_SPLIT_SALT}:{group}") / 2**64
    return "val" if share < validation_percent / 100 else "train"


def decide(
    con: duckdb.DuckDBPyConnection, kept: str, names: str, recipe: Recipe
) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Yield the decisions on kept records, and ledger rows of those beyond the quota, in the order of their ids.

    `kept`, `names`: FROM clauses of what likeness kept, and of the names that it may be labelled with.
    """
    cap = recipe.select.cap_per_taxon
    # A native SQL hash may change between versions of DuckDB; BLAKE2b does not.
    con.create_function("quota_order", _quota_order(recipe.seed), ["VARCHAR"], "VARCHAR", type=ARROW)
    con.execute(_SQL("totals", kept=kept, names=names))
    beyond = _SQL("beyond", kept=kept, names=names, cap=cap) if cap else _SQL("none_beyond")
    for batch in sql.batches(con, _SQL("kept_with_counts", kept=kept, names=names, beyond=beyond)):
        rows = pa.Table.from_batches([batch])
        yield _decided(rows.filter(pc.invert(rows["beyond"])), recipe), _over_quota(rows.filter(rows["beyond"]), cap)


def splits_of(seed: int, groups: pa.Array, validation_percent: float) -> pa.Array:
    """Return `split_of` of every group.

    >>> splits_of(0, pa.array(["a", "b"]), 100.0).to_pylist()
    ['val', 'val']
    """
    share = hash64_array(seed, _SPLIT_SALT, groups).astype(np.float64) / 2**64
    return pc.if_else(pa.array(share < validation_percent / 100), "val", "train")


def _decided(rows: pa.Table, recipe: Recipe) -> pa.Table:
    """Return the decisions on kept records: `rows` with group_id, and `total`, the kept records of their taxon."""
    cap, split = recipe.select.cap_per_taxon, recipe.select.validation_percent
    images = whole(pc.min_element_wise(rows["total"], cap) if cap else rows["total"]).dictionary_encode()
    # NumPy's power may differ from Python's in the last bit.
    weights = pa.array([count**-0.5 for count in images.dictionary.to_pylist()], pa.float64())
    rows = rows.append_column("split", splits_of(recipe.seed, whole(rows["group_id"]), split))
    return conform(rows.append_column("weight", weights.take(images.indices)), DECISION_SCHEMA)


def _over_quota(rows: pa.Table, cap: int) -> pa.Table:
    """Return the ledger rows of what is beyond the quota."""
    each = zip(rows["total"].to_pylist(), rows["accepted_id"].to_pylist(), strict=True)
    proofs = [evidence(rule="cap_per_taxon", cap=cap, images=total, taxon=taxon) for total, taxon in each]
    ended = rows.append_column("row_id", rows["record_id"]).append_column("evidence", pa.array(proofs, pa.string()))
    outcome = pa.repeat(pa.scalar(Outcome.OVER_QUOTA.code), len(rows))
    return conform(ended.append_column("outcome", outcome), ENDED_SCHEMA)


def _quota_order(seed: int) -> Callable[[pa.ChunkedArray], Any]:
    return lambda keys: hexadecimal(hash64_array(seed, _QUOTA_SALT, whole(keys)))


def label_names(context: Context) -> str:
    """Return the FROM clause of all resolved names that a kept record may be labelled with, lowered ones included."""
    names, labels = (context.folder.stage("resolve") / "names"), (context.folder.stage("likeness") / "labels")
    return f"(SELECT * FROM {sql.parquet(names)} UNION ALL BY NAME SELECT * FROM {sql.parquet(labels)})"


class Select(Stage):
    """The select stage."""

    name = "select"
    version = 3
    sections = ("select", "seed", "privacy")
    upstream = ("likeness", "resolve")

    def inputs(self, context: Context) -> dict[str, str]:
        """Digest the list of threatened taxa."""
        listed = context.recipe.privacy.threatened
        return context.digests({"threatened": [Path(listed)]}) if listed else {}

    def paths(self, recipe: Recipe) -> list[str]:
        """Return the list of threatened taxa."""
        return [recipe.privacy.threatened] if recipe.privacy.threatened else []

    def keep(self, context: Context, publisher: Publisher) -> dict[str, Any]:
        """Publish the list: no unit reads it, but a machine that goes on may lack it."""
        return {"threatened": [publisher.file(Path(path)).text() for path in self.paths(context.recipe)]}

    def take(self, context: Context) -> Context:
        """Take a copy of the list."""
        privacy = context.recipe.privacy
        here = RecipePath(str(taken(*self.kept["threatened"])), as_given(privacy.threatened))
        privacy = dataclasses.replace(privacy, threatened=here)
        return dataclasses.replace(context, recipe=dataclasses.replace(context.recipe, privacy=privacy))

    def run(self, context: Context, engine: Engine) -> dict[str, Any]:
        """Decide every kept record."""
        folder, recipe, stage = context.folder.stage(self.name), context.recipe, context.folder.stage
        with (
            sql.connect(recipe.limits.memory_mb, context.folder.root) as con,
            table_writer(folder / "decisions" / "part.parquet", DECISION_SCHEMA) as decisions,
            table_writer(folder / "ledger" / "part.parquet", ENDED_SCHEMA) as ledger,
        ):
            for kept, ended in decide(con, sql.parquet(stage("likeness") / "kept"), label_names(context), recipe):
                decisions.write_table(kept)
                ledger.write_table(ended)
            threatened = write_places(
                context.folder, context.recipe.privacy, local_folder(context.taxonomy), con, context.progress
            )
        return {"threatened": threatened} if threatened else {}

    def balance(self, context: Context, facts: Mapping[str, Any]) -> list[Balance]:
        """Kept = decided + over quota."""
        folder = context.folder.stage(self.name)
        return balance_of(context, context.folder.stage("likeness") / "kept", folder / "decisions", folder / "ledger")
