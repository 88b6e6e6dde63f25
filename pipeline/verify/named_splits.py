"""Named splits hold what their recipe promises: keys together, the unseen alone, time and places apart."""

from __future__ import annotations

from itertools import pairwise

from manifests import Recipe, SplittingRules
from pipeline.quotas.rows import taxon_sql
from pipeline.splits.decide import own_value
from pipeline.storage.statements import Statements, identifier
from pipeline.verify.check import Run
from pipeline.verify.truth import NAMES

_SQL = Statements(__name__)
_RECORDS = "read_parquet('ingest/records/*.parquet')"
_DECISIONS = "read_parquet('select/decisions/*.parquet')"


def named_splits(run: Run) -> None:
    """Raise VerifyError for decisions that break what the recipe says of its splits."""
    recipe = run.recipe
    assert recipe.splits is not None, "asked where splits are named"
    names, rules = [split.name for split in recipe.splits], recipe.splitting or SplittingRules()
    run.none(_SQL("unknown", decisions=_DECISIONS, names=names), "decisions in a split that the recipe has not")
    for column in rules.together or ():
        query = _SQL("together", decisions=_DECISIONS, records=_RECORDS, key=own_value(column))
        run.none(query, f"values of {column} in two splits")
    for split in recipe.splits:
        if split.unseen is not None and split.unseen_percent in (None, split.percent):
            run.none(_unseen(split.unseen, split.name), f"values of {split.unseen} in {split.name} and elsewhere")
    _labels_of_first(run, recipe, rules)
    if rules.chronological and not _fixed(recipe):
        for earlier, later in pairwise(names):
            run.none(_dates(rules, earlier, later), f"dates in {earlier} after some of {later}")
    if rules.buffer_kilometres is not None:
        reach = rules.buffer_kilometres
        query = _SQL("near", decisions=_DECISIONS, records=_RECORDS, first=names[0], kilometres=reach)
        run.none(query, f"records of {names[0]} within {reach:g} km of another split's")


def _fixed(recipe: Recipe) -> bool:
    """Return whether lists or the sources' own splits take part, which may put anything anywhere."""
    return any(split.hints or split.keys for split in recipe.splits or ())


def _stratum(rules: SplittingRules) -> str:
    stratify = rules.stratify or "accepted"
    if stratify in ("accepted", "species", "genus", "family", "order", "class"):
        return taxon_sql(stratify)
    return "''" if stratify == "none" else f"coalesce({own_value(stratify)}, '')"


def _unseen(what: str, split: str) -> str:
    ranks = ("accepted", "species", "genus", "family")
    value = f"n.{identifier(f'{what}_id')}" if what in ranks else own_value(what)
    return _SQL("alone", decisions=_DECISIONS, records=_RECORDS, names=NAMES, value=value, split=split)


def _labels_of_first(run: Run, recipe: Recipe, rules: SplittingRules) -> None:
    """Labels of other splits are in the first too, but for what is unseen, or lists and a buffer put elsewhere."""
    if rules.stratify == "none" or _fixed(recipe) or rules.buffer_kilometres is not None:
        return
    splits = recipe.splits or ()
    unseen = [split.name for split in splits if split.unseen is not None] or [""]
    query = _SQL(
        "not_in_first",
        decisions=_DECISIONS,
        records=_RECORDS,
        names=NAMES,
        label=_stratum(rules),
        first=splits[0].name,
        unseen=unseen,
    )
    run.none(query, f"labels of other splits that {splits[0].name} lacks")


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
