"""Screen: everything that can be decided before a byte is fetched.

The rules are tried in a fixed order and the first that applies gives the row its outcome. Most are one SQL CASE over
the records, the resolved names and the held-out keys; addresses are judged by `pipeline.media.http.guards`; what is
left is brought together by medium (`pipeline.stages.one_medium`), so that a photograph that many records name is
fetched once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from manifests import Recipe
from pipeline.choosing import limits
from pipeline.choosing.facts import choice_facts
from pipeline.choosing.rules import choice_parts
from pipeline.choosing.screening import prepare, query_parts
from pipeline.choosing.told import unmeasured
from pipeline.likeness.taxa import held_taxa
from pipeline.losses.name_fall import fall_sql, missing_sql
from pipeline.media.http.sites import Sites
from pipeline.model.outcomes import Outcome
from pipeline.model.records import ENDED_SCHEMA, LOCATOR_COLUMNS, RECORD_SCHEMA
from pipeline.scores.joined import lines, write_scores
from pipeline.stages import one_medium
from pipeline.stages.base import Balance, Context, balance_of
from pipeline.stages.judging import Judge
from pipeline.stages.lists_read import ListStage
from pipeline.stages.preference import provenance, specimen_key
from pipeline.storage import database as sql
from pipeline.storage.files.atomic import table_writer, write_table
from pipeline.storage.places import Place, local_folder, remove_tree
from pipeline.storage.statements import Statements
from pipeline.withdrawal import NOTED, NOTHING, gather, noted_lists, read_withdrawals

if TYPE_CHECKING:
    from pipeline.engine.engine import Engine

ADDRESS_FIELDS = [pa.field(name, pa.string()) for name in ("image_id", "media_id", "store", "address", "host")]
CANDIDATE_SCHEMA = pa.schema(
    [
        pa.field("record_id", pa.string()),
        pa.field("source", pa.string()),
        pa.field("image_id", pa.string()),  # the medium, or one box of it: what is hashed and stored
        pa.field("media_id", pa.string()),  # where the bytes come from: fetched once however many records name it
        pa.field("store", pa.string()),  # source whose local store holds the medium; empty: fetched
        pa.field("address", pa.string()),  # URL, or path inside the store
        pa.field("host", pa.string()),
        pa.field("box_x", pa.float64()),
        pa.field("box_y", pa.float64()),
        pa.field("box_w", pa.float64()),
        pa.field("box_h", pa.float64()),
        pa.field("name_id", pa.string()),
        pa.field("occurrence_key", pa.string()),
        pa.field("media_key", pa.string()),
        pa.field("license_family", pa.string()),
        pa.field("provenance", pa.int8()),  # how well the label is vouched for, 0 best
        pa.field("specimen_key", pa.string()),  # key of the specimen across releases; null for what is none
        pa.field("locator_file", pa.string()),  # with locator_row: which of several rows of this record_id it is
        pa.field("locator_row", pa.int64()),
        pa.field("alternates", pa.list_(pa.struct(ADDRESS_FIELDS))),  # where else the medium may be had, in order
    ]
)
"""One row per record that passed; record_id is unique here, as it need not be among the records."""

PASSED_SCHEMA = pa.schema(
    [
        *(field for field in CANDIDATE_SCHEMA if field.name != "alternates"),
        pa.field("locator_offset", pa.int64()),
        pa.field("pixels", pa.int64()),  # as declared by the source; null when it does not say
    ]
)
"""Records that passed every rule that looks at one record alone."""

_SQL = Statements(__name__)
_OF_NAMES = [each.code for each in (Outcome.NAME_UNRESOLVED, Outcome.NAME_AMBIGUOUS, Outcome.RANK_TOO_HIGH)]
_HELD = (Outcome.LEAK_ID.code, Outcome.LEAK_SPECIES.code)

MEDIA_RECORD_SCHEMA = pa.schema(
    [
        pa.field("media_key", pa.string()),
        pa.field("record_id", pa.string()),
        pa.field("source", pa.string()),
        pa.field("kept_id", pa.string()),  # the record that speaks for the medium; null when none may
        pa.field("label_conflict", pa.bool_()),  # records of the medium were resolved to different taxa
    ]
)
"""One row per record of every medium that several records name."""


def screening_sql(
    recipe: Recipe, records: str, names: str, ids_table: str, items: str, taxa: str, withdrawn: str = NOTHING
) -> str:
    """Return the query that puts `outcome` (null: passed) and `evidence` beside every record.

    The arguments are FROM clauses; `taxa` is of HELD_TAXA_SCHEMA, `withdrawn` as `withdrawal.gather` makes it. Of rows
    that state the same record, medium and box, the first by content is the record and the others are duplicates; the
    content, not the place in the file, decides.
    """
    choice = query_parts(recipe)
    return _SQL(
        "screened",
        records=records,
        names=names,
        ids=ids_table,
        items=items,
        taxa=taxa,
        withdrawn=withdrawn,
        content=[name for name in RECORD_SCHEMA.names if name not in LOCATOR_COLUMNS],
        provenance=provenance("r"),
        specimen_key=specimen_key("r"),
        allow=recipe.licences.allow,
        unknown="false" if recipe.licences.allow_unknown else "l_family IS NULL",
        rank=recipe.taxonomy.minimum_rank,
        missing=missing_sql("n"),
        fall=fall_sql("n", recipe.taxonomy.sources),
        of_names=_OF_NAMES,
        choice=choice["choice"],
        choice_of=choice["choice_of"],
        choice_proof=choice["choice_proof"],
        choice_taxa=choice["choice_taxa"],
    )


def judge_of(recipe: Recipe) -> Judge:
    """Return what judges the addresses of screened rows by a recipe."""
    return Judge(Sites(recipe.fetch), [spec.name for spec in recipe.sources if spec.media], PASSED_SCHEMA)


class Screen(ListStage):
    """The screen stage."""

    name = "screen"
    version = 6
    sections = ("licences", "taxonomy", "fetch.hosts", "sources", "likeness.label_conflict", "withdraw", "scores")
    upstream = ("ingest", "resolve", "holdout")

    def more_parts(self, recipe: Recipe) -> dict[str, Any]:
        """Return what the recipe chooses, and the seed where that depends on it."""
        return choice_parts(recipe)

    def lists(self, recipe: Recipe) -> dict[str, tuple[str, ...]]:
        """Return the lists of what is withdrawn, and the scores."""
        scores = tuple(each.path for each in recipe.scores or ())
        return {"withdraw": recipe.withdraw, **({"scores": scores} if scores else {})}

    def run(self, context: Context, engine: Engine) -> dict[str, Any]:
        """Judge all records in one pass, then all media that several records name, with bounded memory."""
        folder, run, recipe = context.folder.stage(self.name), context.folder, context.recipe
        records = sql.parquet(run.stage("ingest") / "records")
        names = sql.parquet(run.stage("resolve") / "names")
        taxa = held_taxa(context.folder.stage("holdout"), local_folder(context.taxonomy))
        write_table(folder / "held_taxa" / "part.parquet", taxa)
        held = [sql.parquet(run.stage("holdout") / part) for part in ("ids", "items")]
        held += [sql.parquet(folder / "held_taxa"), "withdrawn"]
        judge = judge_of(recipe)
        columns = (
            "record_id, source, nth, outcome, evidence, held_by, media_url, media_path, box_x, box_y, box_w, box_h, "
            "name_id, occurrence_key, media_key, license_family, provenance, specimen_key, "
            "locator_file, locator_row, locator_offset, pixels"
        )
        query = screening_sql(recipe, records, names, *held)
        keys = read_withdrawals(recipe.withdraw)
        with sql.connect(recipe.limits.memory_mb, run.root) as con:
            gather(con, keys, records)
            _note_withdrawals(con, context, folder)
            listed = prepare(con, recipe, names, local_folder(context.taxonomy))
            with (
                table_writer(folder / "passed" / "part.parquet", PASSED_SCHEMA) as writer,
                table_writer(folder / "ledger" / "alone.parquet", ENDED_SCHEMA) as ledger,
            ):
                for batch in sql.batches(con, f"SELECT {columns} FROM ({query}) ORDER BY record_id, nth"):
                    passed, ended = judge(pa.Table.from_batches([batch]))
                    writer.write_table(passed)
                    ledger.write_table(ended)
            collapse(con, recipe, records, names, folder)
            choice = choice_facts(con, folder / "ledger", recipe, listed)
            choice |= write_scores(con, recipe, records, sql.parquet(folder / "candidates"), folder / "scores")
        for line in (*unmeasured(recipe), *lines(choice)):
            context.progress(f"screen: {line}")
        remove_tree(folder / "passed")
        return {"held_taxa": taxa.num_rows, "withdraw": noted_lists(recipe.withdraw), **choice}

    def balance(self, context: Context, facts: Mapping[str, Any]) -> list[Balance]:
        """Records = candidates + ended."""
        folder = context.folder.stage(self.name)
        return balance_of(context, context.folder.stage("ingest") / "records", folder / "candidates", folder / "ledger")


def _note_withdrawals(con: duckdb.DuckDBPyConnection, context: Context, folder: Place) -> None:
    """Write how many records each withdrawn key means, and say so: a key that means none may be a typing error."""
    sql.copy(con, f"SELECT {NOTED} FROM withdrawal_keys ORDER BY position", folder / "withdrawals" / "part.parquet")
    counted = "SELECT count(*), count(*) FILTER (records = 0) FROM withdrawal_keys"
    keys, idle = con.execute(counted).fetchall()[0]
    if context.recipe.withdraw:
        records = int(sql.scalar(con, "SELECT count(*) FROM withdrawn"))
        context.progress(
            f"screen: {records:,} records are withdrawn; {idle:,} of {keys:,} keys of the list match no record"
        )


def collapse(con: duckdb.DuckDBPyConnection, recipe: Recipe, records: str, names: str, folder: Place) -> None:
    """Bring the records of `FOLDER/passed` together by medium; write candidates, their ledger and media_records.

    `records` and `names` are FROM clauses. Memory is bounded by the connection's limit.
    """
    passed = sql.parquet(folder / "passed")
    one_medium.gather(con, recipe, records, names, passed)
    kept, ended = one_medium.kept_sql(passed), one_medium.ended_sql(passed, names)
    beyond: list[tuple[str, pa.Schema, str, str]] = []
    if limits.limited(recipe):
        limits.note_beyond(con, recipe, kept)
        over = f"SELECT *, NULL AS raw FROM ({limits.ended_sql(kept)})"
        beyond, kept = [(over, ENDED_SCHEMA, "ledger/limit.parquet", "row_id")], limits.kept_sql(kept)
    for query, schema, path, order in (
        *beyond,
        (kept, CANDIDATE_SCHEMA, "candidates/part.parquet", "record_id"),
        (f"SELECT *, NULL AS raw FROM ({ended})", ENDED_SCHEMA, "ledger/medium.parquet", "row_id"),
        (one_medium.media_records_sql(records), MEDIA_RECORD_SCHEMA, "media_records/part.parquet", "ALL"),
    ):
        columns = ", ".join(schema.names)
        with table_writer(folder / path, schema) as writer:
            for batch in sql.batches(con, f"SELECT {columns} FROM ({query}) ORDER BY {order}"):
                writer.write_table(pa.Table.from_batches([batch]).cast(schema))
