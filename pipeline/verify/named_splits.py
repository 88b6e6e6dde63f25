"""Named splits hold what their recipe promises: keys together, the unseen alone, time and places apart."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from manifests import Recipe, SplittingRules
from pipeline.quotas.counted_rows import once_sql
from pipeline.splits.group_splits import own_value, stratum_sql, unseen_sql
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
        if split.unseen is not None and split.unseen_percent in (None, split.percent):
            yield _unseen(split.unseen, split.name), f"values of {split.unseen} in {split.name} and elsewhere"
    # What lists put anywhere, and what a buffer took, may be what the first split lacks.
    fixed = any(split.hints or split.keys for split in splits)
    if rules.stratify != "none" and not fixed and rules.buffer_kilometres is None:
        yield _not_in_first(recipe, rules), f"labels of other splits that {names[0]} lacks"
    if rules.chronological and not fixed:
        for earlier, later in pairwise(names):
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
    unseen = [split.name for split in splits if split.unseen is not None] or [""]
    return _SQL(
        "not_in_first",
        decisions=_DECISIONS,
        records=_RECORDS,
        names=NAMES,
        label=stratum_sql(rules),
        first=splits[0].name,
        unseen=unseen,
    )


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
