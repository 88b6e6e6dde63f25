"""Quotas hold: no taxon above its cap, none kept below its floor, no cell and period above what it is thinned to."""

from __future__ import annotations

from collections.abc import Iterator

from manifests.sections.select_rules import LISTED
from pipeline.quotas.counted_rows import group_sql, once_sql, per_sql, place_sql, taxon_sql
from pipeline.quotas.listed_taxa import note_listed
from pipeline.quotas.quota_rules import TOLD, QuotaRule, has_quotas
from pipeline.stages.base import Context
from pipeline.storage.statements import Statements
from pipeline.verify.check import Run
from pipeline.verify.truth import NAMES

_SQL = Statements(__name__)
_RECORDS = once_sql("read_parquet('ingest/records/*.parquet')", "read_parquet('screen/ledger/*.parquet')")


def quotas(run: Run) -> str:
    """What is kept of every taxon lies within the quotas of the recipe."""
    rules = run.recipe.select
    if not has_quotas(run.recipe) and not rules.cap_per_taxon:
        return "none are asked"
    index = Context(run.recipe, run.folder, lambda line: None).taxonomy
    counted = rules.most_taxa_per != LISTED or index.exists()
    if counted:
        note_listed(run.con, run.recipe, run.folder, index)
    run.none_of(_promises(run, counted))
    taxa = run.count(_SQL("taxa", taxon=taxon_sql(rules.quota_rank), names=NAMES))
    return f"{taxa:,} taxa" + ("" if counted else "; select.most_taxa is not counted, as the taxonomy is not here")


def _promises(run: Run, counted: bool) -> Iterator[tuple[str, str]]:
    """Yield what must have no rows, and what it is if it has."""
    rules, own = run.recipe.select, taxon_sql(run.recipe.select.quota_rank)
    taxon = group_sql(rules, own)
    joins = f"LEFT JOIN {_RECORDS} r USING (record_id)" if rules.quota_columns else ""
    if rules.cap_per_taxon:
        query = _SQL("above", taxon=taxon, names=NAMES, joins=joins, cap=rules.cap_per_taxon)
        yield query, "taxa above select.cap_per_taxon"
        if run.recipe.fetch.until_quota:
            buffer = TOLD[QuotaRule.BUFFER].key
            query = _SQL("short", taxon=taxon, names=NAMES, joins=joins, cap=rules.cap_per_taxon, buffer=buffer)
            yield query, "taxa below select.cap_per_taxon with candidates that were not asked for"
    for source in run.recipe.sources:
        if source.cap_per_taxon is not None:
            name, cap = source.name, source.cap_per_taxon
            query = _SQL("source_above", taxon=taxon, names=NAMES, joins=joins, cap=cap, source=name)
            yield query, f"taxa above cap_per_taxon of source {name}"
    for key in ("min_per_taxon", "min_available"):
        floor = getattr(rules, key)
        if floor is not None and not (key == "min_per_taxon" and rules.rare == "keep"):
            query = _SQL("below", taxon=taxon, names=NAMES, joins=joins, floor=floor)
            yield query, f"taxa below select.{key} that are kept"
    if rules.most_taxa is not None and counted:
        query = _SQL("many", taxon=own, per=per_sql(rules.most_taxa_per), names=NAMES, most=rules.most_taxa)
        yield query, "taxa more than select.most_taxa"
    if rules.target is not None and not rules.min_per_taxon:
        yield _SQL("beyond_target", target=rules.target), "images kept and wanted: more than select.target"
    if rules.thin_to is not None:
        joins = f"LEFT JOIN {_RECORDS} r USING (record_id)"
        query = _SQL("thick", taxon=taxon, names=NAMES, joins=joins, place=place_sql(rules), most=rules.thin_to)
        yield query, "taxa of one cell and period above select.thin_to"
