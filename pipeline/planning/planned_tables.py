"""What every part of a plan counts: candidates with what their records declare, and the media that they share.

Two temporary tables of a connection, which spill as everything else there does:

-   `planned`: a row per candidate: source, media_id, store, host, mirrored, first, the declared and the box's size,
    licence, accepted taxon
-   `planned_media`: a row per medium, which is fetched once however many candidates name it

`first` says whether a candidate is asked for at once, as fetch itself decides it; others stand by for those that are
lost (`fetch.images_per_taxon`, `fetch.until_quota`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from manifests import Recipe
from pipeline.model.errors import ConservationError
from pipeline.quotas.asked import Asking, wants
from pipeline.quotas.counted_rows import once_sql
from pipeline.quotas.listed_taxa import note_listed
from pipeline.stages import fetch_plan
from pipeline.stages.base import Context
from pipeline.storage import database as sql
from pipeline.storage.run_folder import RunFolder
from pipeline.storage.statements import Statements

if TYPE_CHECKING:
    import duckdb

_SQL = Statements(__name__)


def make_tables(con: duckdb.DuckDBPyConnection, folder: RunFolder, recipe: Recipe) -> None:
    """Make `planned` and `planned_media` of a run whose stage screen is done.

    Raises ConservationError where candidates lack their records or names.
    """
    candidates = sql.parquet(folder.stage("screen") / "candidates")
    records = sql.parquet(folder.stage("ingest") / "records")
    names = sql.parquet(folder.stage("resolve") / "names")
    first, ordered = "true", ""
    if wants(recipe):
        asking = Asking(con, recipe)
        note_listed(con, recipe, folder, Context(recipe, folder, lambda line: None).taxonomy)
        asking.begin(candidates, names, once_sql(records, sql.parquet(folder.stage("screen") / "ledger")))
        asking.more()
        first, ordered = "a.record_id IS NOT NULL", "LEFT JOIN asked a ON a.record_id = c.record_id"
    prefixes = [rule.partition("=")[0] for rule in recipe.fetch.mirrors]
    mirrored = " OR ".join(f"starts_with(address, {sql.quote(prefix)})" for prefix in prefixes) or "false"
    con.execute(
        _SQL(
            "planned",
            candidates=candidates,
            records=records,
            names=names,
            host=fetch_plan.host_sql(),
            mirrored=mirrored,
            first=first,
            sized=_SQL("sized", most=recipe.fetch.max_pixels),
            ordered=ordered,
        )
    )
    counted, all_of = con.execute(_SQL("counted", candidates=candidates)).fetchall()[0]
    if counted != all_of:
        raise ConservationError(
            f"a plan counts {counted:,} of {all_of:,} candidates",
            where=str(folder.stage("screen") / "candidates"),
            expected="a record and a name for every candidate",
            remedy="this is a defect of Biomill: keep the folder, and report it with the recipe",
        )
    con.execute(_SQL("planned_media"))
