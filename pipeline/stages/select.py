"""Select: decisions that need the counts of the whole catalog (see `pipeline.splits.select_decisions`)."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from manifests import Recipe, RecipePath
from manifests.paths import as_given
from pipeline.choosing.pictures import ended_sql, note_failing
from pipeline.choosing.rules import late_parts, late_rules
from pipeline.model.records import ENDED_SCHEMA, conform
from pipeline.privacy import write_places
from pipeline.quotas.counted_rows import once_sql
from pipeline.splits.select_decisions import DECISION_SCHEMA, decide
from pipeline.splits.shares import share_lines
from pipeline.stages.base import Balance, Context, Stage, balance_of
from pipeline.storage import database as sql
from pipeline.storage.files.atomic import table_writer
from pipeline.storage.places import local_folder
from pipeline.storage.places.published import taken

if TYPE_CHECKING:
    from pipeline.engine.engine import Engine
    from pipeline.storage.places.publisher import Publisher


def label_names(context: Context) -> str:
    """Return the FROM clause of all resolved names that a kept record may be labelled with, lowered ones included."""
    names, labels = (context.folder.stage("resolve") / "names"), (context.folder.stage("likeness") / "labels")
    return f"(SELECT * FROM {sql.parquet(names)} UNION ALL BY NAME SELECT * FROM {sql.parquet(labels)})"


def _lists(recipe: Recipe) -> list[tuple[str, str]]:
    """Return the lists that a recipe names for this stage, each under a name of its own."""
    listed = [("threatened", recipe.privacy.threatened)] if recipe.privacy.threatened else []
    return listed + [(f"split-{split.name}", split.keys) for split in recipe.splits or () if split.keys]


class Select(Stage):
    """The select stage."""

    name = "select"
    version = 3
    sections = ("select", "seed", "privacy", "splitting", "splits")
    upstream = ("likeness", "resolve")

    def more_parts(self, recipe: Recipe) -> dict[str, Any]:
        """Return the caps of sources, which no other stage asks, and what the recipe says of pictures."""
        caps = {source.name: source.cap_per_taxon for source in recipe.sources if source.cap_per_taxon is not None}
        return {**({"caps": caps} if caps else {}), **late_parts(recipe)}

    def inputs(self, context: Context) -> dict[str, str]:
        """Digest the list of threatened taxa, and those of splits."""
        groups = {name: [Path(path)] for name, path in _lists(context.recipe)}
        return context.digests(groups) if groups else {}

    def paths(self, recipe: Recipe) -> list[str]:
        """Return the lists."""
        return [path for _, path in _lists(recipe)]

    def keep(self, context: Context, publisher: Publisher) -> dict[str, Any]:
        """Publish the lists: no unit reads them, but a machine that goes on may lack them."""
        return {name: publisher.file(Path(path)).text() for name, path in _lists(context.recipe)}

    def take(self, context: Context) -> Context:
        """Take copies of the lists."""
        recipe = context.recipe
        here = {name: RecipePath(str(taken(self.kept[name])), as_given(path)) for name, path in _lists(recipe)}
        privacy = dataclasses.replace(recipe.privacy, threatened=here.get("threatened", recipe.privacy.threatened))
        splits = recipe.splits and tuple(
            dataclasses.replace(split, keys=here.get(f"split-{split.name}", split.keys)) for split in recipe.splits
        )
        return dataclasses.replace(context, recipe=dataclasses.replace(recipe, privacy=privacy, splits=splits))

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
