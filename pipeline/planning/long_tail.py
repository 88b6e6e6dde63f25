"""Accepted taxa of the candidates: how many, of which ranks, how unequal, and what floors and caps would keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manifests import Recipe
from pipeline.planning.plan_facts import Below, Bound, RankTaxa, TaxaPlan, TaxonImages
from pipeline.storage.statements import Statements

if TYPE_CHECKING:
    import duckdb

_SQL = Statements(__name__)
BELOW = (5, 10, 100)
FLOORS = (5, 10, 50)
CAPS = (10, 100, 1000)
TOP = 10


def taxa_plan(con: duckdb.DuckDBPyConnection, recipe: Recipe) -> TaxaPlan:
    """Return the taxa of the table `planned` of a connection; leaves their counts there, as `planned_taxa`."""
    con.execute(_SQL("planned_taxa"))
    taxa, images, single, most = con.execute(_SQL("all")).fetchall()[0]
    own = recipe.select.cap_per_taxon
    caps = sorted({*CAPS, *([own] if own else [])})
    return TaxaPlan(
        taxa=taxa,
        ranks=tuple(RankTaxa(*row) for row in con.execute(_SQL("ranks")).fetchall()),
        single=single,
        below=tuple(Below(n, _one(con, _SQL("below", images=n))) for n in BELOW),
        top=tuple(TaxonImages(*row) for row in con.execute(_SQL("top", most=TOP)).fetchall()),
        top_percent_taxa=most,
        top_percent_share=round(_one(con, _SQL("largest", most=most)) / images, 6) if images else 0.0,
        floors=tuple(Bound(n, *con.execute(_SQL("floor", images=n)).fetchall()[0]) for n in FLOORS),
        caps=tuple(Bound(n, taxa, _one(con, _SQL("cap", images=n))) for n in caps),
    )


def _one(con: duckdb.DuckDBPyConnection, query: str) -> int:
    return int(con.execute(query).fetchall()[0][0])
