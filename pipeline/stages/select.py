"""Select: decisions that need the counts of the whole catalog. Quota, split and weight, in SQL.

Order among equals is a seeded hash of the record id, so the choice does not depend on the order of the input, and the
split is a hash of the group, so that images which belong together never straddle it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from manifests import Recipe, RecipePath
from manifests.paths import as_given
from pipeline.model.evidence_text import evidence
from pipeline.model.ids import hash64
from pipeline.model.outcomes import Outcome
from pipeline.model.records import ENDED_SCHEMA
from pipeline.privacy import write_places
from pipeline.stages.base import Balance, Context, Stage, balance_of
from pipeline.storage import database as sql
from pipeline.storage.files.atomic import table_writer
from pipeline.storage.places import local_folder
from pipeline.storage.places.published import taken
from pipeline.storage.statements import Statements

if TYPE_CHECKING:
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
        cap, seed = recipe.select.cap_per_taxon, recipe.seed
        with (
            sql.connect(recipe.limits.memory_mb, context.folder.root) as con,
            table_writer(folder / "decisions" / "part.parquet", DECISION_SCHEMA) as decisions,
            table_writer(folder / "ledger" / "part.parquet", ENDED_SCHEMA) as ledger,
        ):
            # A native SQL hash may change between versions of DuckDB; BLAKE2b does not.
            con.create_function(
                "quota_order", lambda key: f"{hash64(seed, f'{_QUOTA_SALT}:{key}'):016x}", ["VARCHAR"], "VARCHAR"
            )
            query = _SQL("kept_with_counts", kept=sql.parquet(stage("likeness") / "kept"), names=label_names(context))
            for batch in sql.batches(con, query):
                kept, ended = [], []
                for row in batch.to_pylist():
                    if cap and row["nth"] > cap:
                        proof = evidence(rule="cap_per_taxon", cap=cap, images=row["total"], taxon=row["accepted_id"])
                        ended.append(
                            {**row, "row_id": row["record_id"], "outcome": Outcome.OVER_QUOTA.code, "evidence": proof}
                        )
                        continue
                    images = min(row["total"], cap) if cap else row["total"]
                    split = split_of(seed, row["group_id"], recipe.select.validation_percent)
                    kept.append({**row, "split": split, "weight": images**-0.5})
                decisions.write_table(pa.Table.from_pylist(kept, DECISION_SCHEMA))
                ledger.write_table(pa.Table.from_pylist(ended, ENDED_SCHEMA))
            threatened = write_places(
                context.folder, context.recipe.privacy, local_folder(context.taxonomy), con, context.progress
            )
        return {"threatened": threatened} if threatened else {}

    def balance(self, context: Context, facts: Mapping[str, Any]) -> list[Balance]:
        """Kept = decided + over quota."""
        folder = context.folder.stage(self.name)
        return balance_of(context, context.folder.stage("likeness") / "kept", folder / "decisions", folder / "ledger")
