"""Catalog: the DuckDB file that answers questions about the run, and the cards that its answers fill."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipeline.catalog import build_catalog, connect_catalog
from pipeline.stages.base import Balance, Context, Stage
from pipeline.storage.database import keep_within
from pipeline.storage.files.atomic import read_json

if TYPE_CHECKING:
    from pipeline.engine.engine import Engine

_LEDGER = """SELECT source, count(*) FILTER (outcome = 'kept'), count(*) FILTER (outcome <> 'kept')
FROM ledger GROUP BY 1"""


class Catalog(Stage):
    """The catalog stage."""

    name = "catalog"
    version = 6
    sections = ("name", "description")
    upstream = ("shards",)

    def run(self, context: Context, engine: Engine) -> dict[str, Any]:
        """Write the views, then the cards."""
        from pipeline.cards import write_cards

        build_catalog(context.folder.root)
        write_cards(context.folder.root, context.recipe)
        return {}

    def balance(self, context: Context, facts: Mapping[str, Any]) -> list[Balance]:
        """Rows of the ledger = rows of the releases, for every source: the law of the whole run."""
        ingest = read_json(context.folder.done("ingest"))
        with connect_catalog(context.folder.root) as con:
            keep_within(con, context.recipe.limits.memory_mb)
            found = con.execute(_LEDGER).fetchall()
        counted = {source: (kept, ended) for source, kept, ended in found}
        return [
            Balance(
                balance["source"],
                balance["rows_in"] - ingest["facts"]["sources"][balance["source"]]["absorbed"],
                *counted.get(balance["source"], (0, 0)),
            )
            for balance in ingest["balance"]
        ]
