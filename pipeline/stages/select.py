"""Select: decisions that need the counts of the whole catalog. Quotas, splits and weights, in SQL.

Order among equals is a seeded hash of the record id, so the choice does not depend on the order of the input, and the
split is a hash of the group, so that images which belong together never straddle it.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from duckdb.func import ARROW

from manifests import Recipe, RecipePath
from manifests.paths import as_given
from pipeline.choosing.pictures import ended_sql, note_failing
from pipeline.choosing.rules import late_parts, late_rules
from pipeline.model.chunks import whole
from pipeline.model.evidence_text import evidence
from pipeline.model.ids import hash64
from pipeline.model.outcomes import Outcome
from pipeline.model.records import ENDED_SCHEMA, conform
from pipeline.model.vector_hashes import hash64_array, hexadecimal
from pipeline.privacy import write_places
from pipeline.quotas.decide import note_ended
from pipeline.quotas.rows import once_sql
from pipeline.quotas.rules import evidence_sql, has_quotas, outcome_sql
from pipeline.splits.decide import Deciding, Tables
from pipeline.splits.shares import share_lines
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
        pa.field("split", pa.string()),  # train or val, or as the recipe names them
        pa.field("weight", pa.float64()),  # 1 / sqrt(kept images of the accepted taxon)
        pa.field("accepted_id", pa.string()),
    ]
)
_SQL = Statements(__name__)
_SPLIT_SALT, _QUOTA_SALT, _TAXON_SALT = "split", "quota", "quota taxon"


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
    # A native SQL hash may change between versions of DuckDB; BLAKE2b does not.
    for name, salt in (("quota_order", _QUOTA_SALT), ("taxon_order", _TAXON_SALT)):
        con.create_function(name, _order(recipe.seed, salt), ["VARCHAR"], "VARCHAR", type=ARROW)
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
    evidence_text = evidence_sql("e.rule", "e.had", "e.wanted", "n.accepted_id")
    outcome = outcome_sql("e.rule")
    return _SQL("decided", kept=kept, names=names, split=split, evidence=evidence_text, outcome=outcome)


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


def _order(seed: int, salt: str) -> Callable[[pa.ChunkedArray], Any]:
    return lambda keys: hexadecimal(hash64_array(seed, salt, whole(keys)))


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
