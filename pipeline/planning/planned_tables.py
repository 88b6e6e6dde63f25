"""What every part of a plan counts: candidates with what their records declare, and the media that they share.

Two temporary tables of a connection, which spill as everything else there does:

-   `planned`: a row per candidate: source, media_id, store, host, mirrored, first, the declared and the box's size,
    licence, accepted taxon
-   `planned_media`: a row per medium, which is fetched once however many candidates name it

`first` says whether a candidate is asked for at once; others stand by for those that cannot be had
(`fetch.images_per_taxon`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from duckdb.func import ARROW

from manifests import Recipe
from pipeline.model.chunks import whole
from pipeline.model.errors import ConservationError
from pipeline.model.vector_hashes import hash64_array, hexadecimal
from pipeline.stages import fetch_plan, fetch_sql
from pipeline.storage import database as sql
from pipeline.storage.run_folder import RunFolder
from pipeline.storage.statements import Statements

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_SQL = Statements(__name__)


def make_tables(con: duckdb.DuckDBPyConnection, folder: RunFolder, recipe: Recipe) -> None:
    """Make `planned` and `planned_media` of a run whose stage screen is done.

    Raises ConservationError where candidates lack their records or names.
    """
    candidates = sql.parquet(folder.stage("screen") / "candidates")
    records = sql.parquet(folder.stage("ingest") / "records")
    names = sql.parquet(folder.stage("resolve") / "names")
    first, ordered = "true", ""
    if wanted := recipe.fetch.images_per_taxon:
        con.create_function("fetch_order", _fetch_order(), ["VARCHAR"], "VARCHAR", type=ARROW)
        first = f"o.place <= {wanted}"
        ordered = f"JOIN ({fetch_sql.order_sql(candidates, names)}) o ON o.record_id = c.record_id"
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


def _fetch_order() -> Callable[[pa.ChunkedArray], Any]:
    """Return the order of the fetch as it decides it itself, `hash64(0, 'fetch:KEY')`, over whole columns."""
    return lambda keys: hexadecimal(hash64_array(0, "fetch", whole(keys)))
