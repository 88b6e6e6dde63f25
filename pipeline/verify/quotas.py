"""Quotas hold: no taxon above its cap, none kept below its floor, no cell and period above what it is thinned to."""

from __future__ import annotations

from pipeline.quotas.rows import place_sql, taxon_sql
from pipeline.quotas.rules import has_quotas
from pipeline.storage.database import quote
from pipeline.storage.statements import Statements
from pipeline.verify.check import Run
from pipeline.verify.truth import NAMES

_SQL = Statements(__name__)
_RECORDS = "read_parquet('ingest/records/*.parquet')"


def quotas(run: Run) -> str:
    """What is kept of every taxon lies within the quotas of the recipe."""
    rules = run.recipe.select
    if not has_quotas(run.recipe) and not rules.cap_per_taxon:
        return "none are asked"
    taxon = taxon_sql(rules.quota_rank)
    if rules.cap_per_taxon:
        run.none(_SQL("above", taxon=taxon, names=NAMES, cap=rules.cap_per_taxon), "taxa above select.cap_per_taxon")
    for source in run.recipe.sources:
        if source.cap_per_taxon is not None:
            query = _SQL("source_above", taxon=taxon, names=NAMES, cap=source.cap_per_taxon, source=source.name)
            run.none(query, f"taxa above cap_per_taxon of source {quote(source.name)}")
    for key in ("min_per_taxon", "min_available"):
        floor = getattr(rules, key)
        if floor is not None and not (key == "min_per_taxon" and rules.rare == "keep"):
            run.none(_SQL("below", taxon=taxon, names=NAMES, floor=floor), f"taxa below select.{key} that are kept")
    if rules.target is not None:
        kept = run.count("SELECT count(*) FROM read_parquet('select/decisions/*.parquet')")
        ended = run.count(_SQL("over_target"))
        if ended and kept > rules.target and not rules.min_per_taxon:
            run.none(f"SELECT {kept}, {rules.target}", "images kept and wanted: more than select.target")
    if rules.thin_to is not None:
        query = _SQL("thick", taxon=taxon, names=NAMES, records=_RECORDS, place=place_sql(rules), most=rules.thin_to)
        run.none(query, "taxa of one cell and period above select.thin_to")
    taxa = run.count(_SQL("taxa", taxon=taxon, names=NAMES))
    return f"{taxa:,} taxa"
