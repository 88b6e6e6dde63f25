"""Select: decisions that need the counts of the whole catalog (see `pipeline.splits.select_decisions`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from manifests import Recipe
from pipeline.choosing.pictures import ended_sql, note_failing
from pipeline.choosing.rules import late_parts, late_rules
from pipeline.model.records import ENDED_SCHEMA, conform
from pipeline.privacy import write_places
from pipeline.quotas.counted_rows import once_sql
from pipeline.splits.select_decisions import DECISION_SCHEMA, decide
from pipeline.splits.shares import share_lines
from pipeline.stages.base import Balance, Context, balance_of
from pipeline.stages.lists_read import ListStage
from pipeline.storage import database as sql
from pipeline.storage.files.atomic import table_writer
from pipeline.storage.places import local_folder

if TYPE_CHECKING:
    from pipeline.engine.engine import Engine


def label_names(context: Context) -> str:
    """Return the FROM clause of all resolved names that a kept record may be labelled with, lowered ones included."""
    names, labels = (context.folder.stage("resolve") / "names"), (context.folder.stage("likeness") / "labels")
    return f"(SELECT * FROM {sql.parquet(names)} UNION ALL BY NAME SELECT * FROM {sql.parquet(labels)})"


class Select(ListStage):
    """The select stage."""

    name = "select"
    version = 4
    sections = ("select", "seed", "privacy", "splitting", "splits")
    upstream = ("likeness", "resolve")

    def more_parts(self, recipe: Recipe) -> dict[str, Any]:
        """Return the caps of sources, which no other stage asks, and what the recipe says of pictures."""
        caps = {source.name: source.cap_per_taxon for source in recipe.sources if source.cap_per_taxon is not None}
        return {**({"caps": caps} if caps else {}), **late_parts(recipe)}

    def lists(self, recipe: Recipe) -> dict[str, tuple[str, ...]]:
        """Return the list of threatened taxa, and those of splits."""
        listed = [("threatened", recipe.privacy.threatened)]
        listed += [(f"split-{split.name}", split.keys or "") for split in recipe.splits or ()]
        return {name: (path,) for name, path in listed if path}

    def run(self, context: Context, engine: Engine) -> dict[str, Any]:
        """Decide every kept record."""
        folder, recipe, stage = context.folder.stage(self.name), context.recipe, context.folder.stage
        with (
            sql.connect(recipe.limits.memory_mb, context.folder.root) as con,
            table_writer(folder / "decisions" / "part.parquet", DECISION_SCHEMA) as decisions,
            table_writer(folder / "ledger" / "part.parquet", ENDED_SCHEMA) as ledger,
        ):
            records = once_sql(sql.parquet(stage("ingest") / "records"), sql.parquet(stage("screen") / "ledger"))
            media, names = sql.parquet(stage("fetch") / "media"), label_names(context)
            kept_rows = note_failing(con, context.folder, recipe, sql.parquet(stage("likeness") / "kept"), names)
            if late_rules(recipe):
                for batch in sql.batches(con, ended_sql()):
                    ledger.write_table(conform(pa.Table.from_batches([batch]), ENDED_SCHEMA))
            images: Counter[str] = Counter()
            for kept, ended in decide(con, kept_rows, names, recipe, records, media):
                images.update({each["values"]: each["counts"] for each in pc.value_counts(kept["split"]).to_pylist()})
                decisions.write_table(kept)
                ledger.write_table(ended)
            threatened = write_places(
                context.folder, context.recipe.privacy, local_folder(context.taxonomy), con, context.progress
            )
        for line in share_lines(recipe, images):
            context.progress(f"{self.name}: {line}")
        return {"threatened": threatened} if threatened else {}

    def balance(self, context: Context, facts: Mapping[str, Any]) -> list[Balance]:
        """Kept = decided + ended by what is said of pictures + over quota."""
        folder = context.folder.stage(self.name)
        return balance_of(context, context.folder.stage("likeness") / "kept", folder / "decisions", folder / "ledger")
