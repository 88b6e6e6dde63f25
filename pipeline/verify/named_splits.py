"""Named splits hold what their recipe promises: keys together, the unseen alone, time and places apart."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from manifests import Recipe, SplitSpec, SplittingRules
from pipeline.quotas.counted_rows import group_sql, once_sql, taxon_sql
from pipeline.splits.group_splits import own_value, stratum_sql, unseen_sql, unseen_wholly
from pipeline.storage.statements import Statements
from pipeline.verify.check import Run
from pipeline.verify.truth import NAMES

_SQL = Statements(__name__)
_RECORDS = once_sql("read_parquet('ingest/records/*.parquet')", "read_parquet('screen/ledger/*.parquet')")
_DECISIONS = "read_parquet('select/decisions/*.parquet')"


def named_splits(run: Run) -> str:
    """What the recipe says of its splits is true of every decision."""
    if run.recipe.splits is None:
        return "none are named"
    run.none_of(_promises(run.recipe))
    return ", ".join(split.name for split in run.recipe.splits)


def _promises(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """Yield what must have no rows, and what it is if it has."""
    splits, rules = recipe.splits or (), recipe.splitting or SplittingRules()
    names = [split.name for split in splits]
    yield _SQL("unknown", decisions=_DECISIONS, names=names), "decisions in a split that the recipe has not"
    for column in rules.together or ():
        query = _SQL("together", decisions=_DECISIONS, records=_RECORDS, key=own_value(column))
        yield query, f"values of {column} in two splits"
    for split in splits:
        if split.unseen is not None and unseen_wholly(split):
            yield _unseen(split.unseen, split.name), f"values of {split.unseen} in {split.name} and elsewhere"
    for split in splits:
        if split.cap_per_taxon is not None:
            yield _capped(recipe, split, split.cap_per_taxon), f"taxa above cap_per_taxon of {split.name}"
    # What lists put among the shares, and what a buffer or a cap of its own took, may be what the first split lacks.
    fixed = any((split.hints or split.keys) and split.percent for split in splits)
    taken = rules.buffer_kilometres is not None or splits[0].cap_per_taxon is not None
    if rules.stratify != "none" and not fixed and not taken:
        yield _not_in_first(recipe, rules), f"labels of other splits that {names[0]} lacks"
    if rules.chronological and not fixed:
        dealt = [split.name for split in splits if split.percent and split.unseen is None]
        for earlier, later in pairwise(dealt):
            yield _dates(rules, earlier, later), f"dates in {earlier} after some of {later}"
    if rules.buffer_kilometres is not None:
        reach = rules.buffer_kilometres
        query = _SQL("near", decisions=_DECISIONS, records=_RECORDS, first=names[0], kilometres=reach)
        yield query, f"records of {names[0]} within {reach:g} km of another split's"


def _unseen(what: str, split: str) -> str:
    value = unseen_sql(what)
    return _SQL("alone", decisions=_DECISIONS, records=_RECORDS, names=NAMES, value=value, split=split)


def _not_in_first(recipe: Recipe, rules: SplittingRules) -> str:
    splits = recipe.splits or ()
    other = [split.name for split in splits if split.unseen is not None or not split.percent]
    return _SQL(
        "not_in_first",
        decisions=_DECISIONS,
        records=_RECORDS,
        names=NAMES,
        label=stratum_sql(rules),
        first=splits[0].name,
        other=other,
    )


def _capped(recipe: Recipe, split: SplitSpec, cap: int) -> str:
    taxon = group_sql(recipe.select, taxon_sql(recipe.select.quota_rank))
    joins = f"LEFT JOIN {_RECORDS} r USING (record_id)" if recipe.select.quota_columns else ""
    return _SQL("capped", decisions=_DECISIONS, names=NAMES, taxon=taxon, joins=joins, split=split.name, cap=cap)


def _dates(rules: SplittingRules, earlier: str, later: str) -> str:
    return _SQL(
        "dates",
        decisions=_DECISIONS,
        records=_RECORDS,
        names=NAMES,
        label=stratum_sql(rules),
        earlier=earlier,
        later=later,
    )
