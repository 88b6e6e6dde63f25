"""Named splits hold what their recipe promises: keys together, the unseen alone, time and places apart."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from manifests import Recipe, SplittingRules
from pipeline.quotas.counted_rows import once_sql, taxon_sql
from pipeline.splits.group_splits import own_value
from pipeline.storage.statements import Statements, identifier
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


def _stratum(rules: SplittingRules) -> str:
    stratify = rules.stratify or "accepted"
    if stratify in ("accepted", "species", "genus", "family", "order", "class"):
        return taxon_sql(stratify)
    return "''" if stratify == "none" else f"coalesce({own_value(stratify)}, '')"


def _unseen(what: str, split: str) -> str:
    ranks = ("accepted", "species", "genus", "family")
    value = f"n.{identifier(f'{what}_id')}" if what in ranks else own_value(what)
    return _SQL("alone", decisions=_DECISIONS, records=_RECORDS, names=NAMES, value=value, split=split)


def _not_in_first(recipe: Recipe, rules: SplittingRules) -> str:
    splits = recipe.splits or ()
    unseen = [split.name for split in splits if split.unseen is not None] or [""]
    return _SQL(
        "not_in_first",
        decisions=_DECISIONS,
        records=_RECORDS,
        names=NAMES,
        label=_stratum(rules),
        first=splits[0].name,
        unseen=unseen,
    )


def _dates(rules: SplittingRules, earlier: str, later: str) -> str:
    return _SQL(
        "dates",
        decisions=_DECISIONS,
        records=_RECORDS,
        names=NAMES,
        label=_stratum(rules),
        earlier=earlier,
        later=later,
    )
