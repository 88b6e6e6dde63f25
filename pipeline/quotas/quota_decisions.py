"""Decide which kept records a recipe's quotas leave: rules are tried in a fixed order over the whole catalog.

Caps of sources and thinning come first, then floors, which count what those leave, then the number of taxa, and last
the quota of each taxon: the smaller of its cap and its part of the target.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from manifests import Recipe
from pipeline.quotas.counted_rows import make_rows
from pipeline.quotas.diverse import note_diverse
from pipeline.quotas.quota_rules import QuotaRule
from pipeline.quotas.sizes import tempered
from pipeline.storage.database import quote, registered
from pipeline.storage.statements import Statements

if TYPE_CHECKING:
    import duckdb

_SQL = Statements(__name__)
_NO_CAP = 2**62


def note_ended(con: duckdb.DuckDBPyConnection, recipe: Recipe, kept: str, names: str, records: str, media: str) -> None:
    """Make the table `quota_ended` (record_id, rule, had, wanted) of the records that the quotas do not leave.

    `kept`, `names`, `records`, `media`: FROM clauses. The connection has the functions `quota_order` and `taxon_order`.
    """
    rules = recipe.select
    order = make_rows(con, recipe, kept, names, records, media)
    end_before(con, recipe, order)
    if rules.cap_per_taxon or rules.target is not None:
        note_quotas(con, recipe)
        if rules.diverse is not None:
            note_diverse(con, recipe, kept, records, media)
        _end_over(con, recipe, ", ".join(order))


def end_before(con: duckdb.DuckDBPyConnection, recipe: Recipe, order: Sequence[str]) -> None:
    """Make the table `quota_ended` of the rows of `quota_rows` that all rules but the quotas of taxa end.

    They are taken out of `quota_rows`. `order`: the terms by which images are preferred.
    """
    con.execute(_SQL("ended"))
    rules = recipe.select
    caps = [(source.name, source.cap_per_taxon) for source in recipe.sources if source.cap_per_taxon is not None]
    if caps:
        listed = ", ".join(f"({quote(name)}, {cap})" for name, cap in caps)
        _end(con, _SQL("source_cap", rule=QuotaRule.SOURCE_CAP.value, caps=listed, order=", ".join(order)))
    if rules.thin_to is not None:
        _end(con, _SQL("thinned", rule=QuotaRule.THIN_TO.value, most=rules.thin_to, order=", ".join(order)))
    for rule, floor in floors(recipe):
        _end(con, _SQL("too_rare", rule=rule.value, least=floor))
    if rules.most_taxa is not None:
        _end(con, _SQL("most_taxa", rule=QuotaRule.MOST_TAXA.value, most=rules.most_taxa))


def floors(recipe: Recipe) -> list[tuple[QuotaRule, int]]:
    """Return how many images a taxon must have not to be too rare, by each rule that says so."""
    rules = recipe.select
    said = (
        (QuotaRule.MIN_PER_TAXON, rules.min_per_taxon if rules.rare != "keep" else None),
        (QuotaRule.MIN_AVAILABLE, rules.min_available),
    )
    return [(rule, floor) for rule, floor in said if floor is not None]


def _end(con: duckdb.DuckDBPyConnection, query: str) -> None:
    """End what a query gives, and take it out of the rows that later rules count."""
    con.execute(f"CREATE OR REPLACE TEMP TABLE quota_now AS {query}")
    con.execute(_SQL("note_now"))
    con.execute(_SQL("take_out"))


def note_quotas(con: duckdb.DuckDBPyConnection, recipe: Recipe) -> None:
    """Make the table `quota_taxa` (taxon, had, quota, rule) of the taxa that have more than their quota."""
    rules = recipe.select
    cap = rules.cap_per_taxon or _NO_CAP
    if rules.target is None:
        con.execute(_SQL("capped", cap=cap, rule=QuotaRule.CAP_PER_TAXON.value))
        return
    counts = dict(con.execute(_SQL("counts")).fetchall())
    power = 0.5 if rules.power is None else rules.power
    quotas = tempered(counts, rules.target, power, rules.cap_per_taxon, rules.min_per_taxon or 0)
    over = [taxon for taxon in sorted(counts) if counts[taxon] > quotas[taxon]]
    capped = [rules.cap_per_taxon and quotas[taxon] == rules.cap_per_taxon for taxon in over]
    table = pa.table(
        {
            "taxon": pa.array(over, pa.string()),
            "had": pa.array([counts[taxon] for taxon in over], pa.int64()),
            "quota": pa.array([quotas[taxon] for taxon in over], pa.int64()),
            "rule": np.where(np.array(capped, bool), QuotaRule.CAP_PER_TAXON.value, QuotaRule.TARGET.value),
        }
    )
    with registered(con, "quota_given", table):
        con.execute("CREATE OR REPLACE TEMP TABLE quota_taxa AS SELECT * FROM quota_given")


def _end_over(con: duckdb.DuckDBPyConnection, recipe: Recipe, order: str) -> None:
    rules = recipe.select
    if rules.diverse is not None:
        con.execute(_SQL("over_picked", order="picked NULLS LAST, quota_order(record_id)"))
    elif rules.balance is not None:
        con.execute(_SQL("over_balanced", order=order))
    else:
        con.execute(_SQL("over", order=order))
