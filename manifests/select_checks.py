"""What quotas and splits must be: every value by itself, and rules that contradict each other."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from manifests.condition_columns import RECORD_COLUMNS
from manifests.nearness import closest
from manifests.places import KeyPath, show, spell
from manifests.problems import Problems
from manifests.sections.select_rules import BY_HASH, LISTED, PERIODS, PREFERENCES, QUOTA_RANKS, RARE
from manifests.sections.splitting import STRATA, TRAINING, UNSEEN
from manifests.value_rules import Rule, above_zero, between, matching, one_of

if TYPE_CHECKING:
    from manifests.recipe import Recipe

_COUNT = between(1, 2**31 - 1)
_KM = above_zero(5_000, "kilometres")
SELECT_VALUE_RULES: Mapping[str, Rule] = {
    "validation_percent": between(0, 100, "percent"),
    "cap_per_taxon": between(0, 2**31 - 1),
    "min_per_taxon": _COUNT,
    "min_available": _COUNT,
    "rare": one_of(RARE),
    "quota_rank": one_of(QUOTA_RANKS),
    "target": between(1, 2**53),
    "power": between(0, 1),
    "most_taxa": _COUNT,
    "most_taxa_per": one_of((*QUOTA_RANKS[1:], LISTED)),
    "prefer": one_of(PREFERENCES),
    "thin_to": _COUNT,
    "thin_kilometres": _KM,
    "thin_degrees": above_zero(90, "degrees"),
    "thin_by": one_of(PERIODS),
}
"""The rules of keys of [select], by name; columns are checked by `check_quotas`."""
SPLIT_VALUE_RULES: Mapping[str, Rule] = {
    "name": matching("[a-z][a-z0-9_]{0,31}", "1 to 32 of a-z, 0-9 and '_', beginning with a letter"),
    "percent": between(0, 100, "percent"),
    "unseen_percent": above_zero(100, "percent"),
    "min_per_taxon": _COUNT,
    "cap_per_taxon": _COUNT,
    "hints": Rule("a word, not empty", lambda value: value.strip() != ""),
    "cell_kilometres": _KM,
    "buffer_kilometres": _KM,
}
"""The rules of keys of [splitting] and [[splits]], by name; columns are checked by `check_splits`."""
_LISTS = ("balance", "prefer", "diverse", "thin_by", "quota_columns")


def check_quotas(recipe: Recipe, problems: Problems) -> None:
    """Note what is wrong with the quotas of a recipe beyond each value's own rule."""
    rules = recipe.select
    for name in _LISTS:
        _check_list(getattr(rules, name), ("select", name), problems)
    for name in ("balance", "quota_columns"):
        _check_columns(getattr(rules, name), ("select", name), problems)
    if rules.diverse != (BY_HASH,):
        _check_columns(rules.diverse, ("select", "diverse"), problems, (BY_HASH,))
        if rules.diverse and BY_HASH in rules.diverse:
            what = f"'select.diverse' names '{BY_HASH}' beside columns"
            _note(problems, ("select", "diverse"), what, f'["{BY_HASH}"] by itself, or columns')
    _check_floor(recipe, problems)
    needs = (
        ("rare", rules.rare, "min_per_taxon", rules.min_per_taxon),
        ("power", rules.power, "target", rules.target),
        ("most_taxa_per", rules.most_taxa_per, "most_taxa", rules.most_taxa),
        ("thin_kilometres", rules.thin_kilometres, "thin_to", rules.thin_to),
        ("thin_degrees", rules.thin_degrees, "thin_to", rules.thin_to),
        ("thin_by", rules.thin_by, "thin_to", rules.thin_to),
    )
    for name, value, other, beside in needs:
        if value is not None and beside is None:
            _note(problems, ("select", name), f"'select.{name}' says nothing without 'select.{other}'", "both, or none")
    if (
        rules.thin_to is not None
        and rules.thin_kilometres is None
        and rules.thin_degrees is None
        and rules.thin_by is None
    ):
        expected = "thin_kilometres or thin_degrees, thin_by, or both"
        _note(problems, ("select", "thin_to"), "'select.thin_to' does not say what it counts in", expected)
    if rules.thin_kilometres is not None and rules.thin_degrees is not None:
        what = "'select.thin_kilometres' and 'select.thin_degrees' both give the side of a cell"
        _note(problems, ("select", "thin_degrees"), what, "one of the two", (("select", "thin_kilometres"),))
    for name, value in (("balance", rules.balance), ("prefer", rules.prefer)):
        if value is not None and rules.diverse is not None:
            what = f"'select.diverse' picks the images of a taxon, and so does 'select.{name}'"
            _note(problems, ("select", "diverse"), what, "one of the two", (("select", name),))
    if rules.most_taxa_per == LISTED and rules.taxa is None:
        what = f"'select.most_taxa_per' is '{LISTED}', and 'select.taxa' lists none"
        _note(problems, ("select", "most_taxa_per"), what, "taxa beside it, or a rank", (("select", "taxa"),))
    kept = rules.cap_per_taxon or rules.target or any(source.cap_per_taxon for source in recipe.sources)
    asked = {"balance": recipe.fetch.images_per_taxon, "prefer": recipe.fetch.images_per_taxon or rules.thin_to}
    counted = kept or rules.min_per_taxon or rules.min_available or rules.thin_to or recipe.fetch.images_per_taxon
    if rules.quota_columns and not counted and not any(split.cap_per_taxon for split in recipe.splits or ()):
        what = "'select.quota_columns' says what is counted, and no number of images is asked for"
        _note(problems, ("select", "quota_columns"), what, "a floor, a cap, thin_to or target beside it")
    for name in ("balance", "prefer", "diverse"):
        if getattr(rules, name) is not None and not kept and not asked.get(name):
            what = f"'select.{name}' decides nothing where no number of images is wanted"
            _note(problems, ("select", name), what, "cap_per_taxon or target beside it")
    quotas = (rules.min_per_taxon, rules.min_available, rules.most_taxa, rules.thin_to)
    if recipe.fetch.until_quota and not kept and all(each is None for each in quotas):
        what = "'fetch.until_quota' waits for a quota, and 'select' has none"
        _note(problems, ("fetch", "until_quota"), what, "select.cap_per_taxon, target, or another quota beside it")


def _check_floor(recipe: Recipe, problems: Problems) -> None:
    rules, path = recipe.select, ("select", "min_per_taxon")
    if rules.min_per_taxon is None:
        return
    floor, cap = rules.min_per_taxon, rules.cap_per_taxon
    if 0 < cap < floor:
        what = f"'select.min_per_taxon' is {floor:,}, above 'select.cap_per_taxon' of {cap:,}"
        remedy = "min_available says how many a taxon must have, of which no more than the cap are kept"
        _note(problems, path, what, "a floor at or below the cap", (("select", "cap_per_taxon"),), remedy)
    caps = [source.cap_per_taxon for source in recipe.sources]
    known = [cap for cap in caps if cap is not None]
    if caps and len(known) == len(caps) and sum(known) < rules.min_per_taxon:
        what = f"'select.min_per_taxon' is {rules.min_per_taxon:,}, and all sources together give {sum(known):,}"
        others: tuple[KeyPath, ...] = tuple(("sources", place, "cap_per_taxon") for place in range(len(caps)))
        _note(problems, path, what, "a floor at or below the sources' caps", others)
    if rules.target is not None and rules.target < rules.min_per_taxon:
        what = f"'select.min_per_taxon' is {rules.min_per_taxon:,}, above 'select.target' of {rules.target:,}"
        _note(problems, path, what, "a floor at or below the target", (("select", "target"),))


def check_splits(recipe: Recipe, problems: Problems) -> None:
    """Note what is wrong with the splits of a recipe beyond each value's own rule."""
    rules, splits = recipe.splitting, recipe.splits
    if rules is not None and splits is None and not problems.within(("splitting",)):
        _note(
            problems, ("splitting",), "'splitting' says how splits are made, and there are no [[splits]]", "[[splits]]"
        )
    if rules is not None:
        _check_list(rules.together, ("splitting", "together"), problems)
        _check_columns(rules.together, ("splitting", "together"), problems)
        if rules.stratify is not None and rules.stratify not in STRATA:
            _check_columns((rules.stratify,), ("splitting", "stratify"), problems, STRATA, single=True)
        if rules.buffer_kilometres is not None and rules.cell_kilometres is None:
            what = "'splitting.buffer_kilometres' says nothing without 'splitting.cell_kilometres'"
            _note(problems, ("splitting", "buffer_kilometres"), what, "both, or none")
    if splits is None:
        return
    if not splits:
        _note(problems, ("splits",), "'splits' is empty", "at least one [[splits]] table")
        return
    paths: list[KeyPath] = [("splits", place, "percent") for place in range(len(splits))]
    total = math.fsum(split.percent for split in splits)
    if abs(total - 100) > 1e-6 and not problems.spoilt(*paths):
        what = f"the percent of all splits are {total:g} together"
        _note(problems, paths[0], what, "100 together", tuple(paths[1:]))
    if recipe.select.validation_percent != 5.0:
        what = "'select.validation_percent' makes the two plain splits, and [[splits]] make others"
        _note(problems, ("select", "validation_percent"), what, "one of the two", (("splits",),))
    for key, problem in _split_problems(recipe):
        _note(problems, key, *problem)
    floors = [split.min_per_taxon or 0 for split in splits]
    cap = recipe.select.cap_per_taxon
    if cap and sum(floors) > cap:
        what = f"'min_per_taxon' of all splits are {sum(floors):,}, above 'select.cap_per_taxon' of {cap:,}"
        at = next(place for place, floor in enumerate(floors) if floor)
        _note(problems, ("splits", at, "min_per_taxon"), what, "floors that fit below the cap")
    for place, split in enumerate(splits):
        _check_list(split.hints, ("splits", place, "hints"), problems)
        if split.unseen is not None and split.unseen not in UNSEEN:
            _check_columns((split.unseen,), ("splits", place, "unseen"), problems, UNSEEN, single=True)


def _split_problems(recipe: Recipe) -> Iterator[tuple[KeyPath, tuple[str, str]]]:
    said: dict[str, int] = {}
    rules = recipe.splitting
    plain = rules is not None and (rules.stratify == "none" or bool(rules.chronological))
    for place, split in enumerate(recipe.splits or ()):
        here = f"splits[{place}]"
        alone = len(recipe.splits or ()) == 1  # a set to test on by itself is one split of any name
        if (split.name == TRAINING) != (place == 0) and not alone:
            what = f"'{here}.name' is {show(split.name)}"
            expected = f"'{TRAINING}' for the first split, which is the one to train on, and for no other"
            yield ("splits", place, "name"), (what, expected)
        if split.percent == 0 and (place == 0 or not (split.keys or split.hints)):
            expected = "a share" if place == 0 else "a share, or keys or hints that say what belongs here"
            rest = "the first split, which takes what no other does" if place == 0 else "it has neither share nor list"
            yield ("splits", place, "percent"), (f"'{here}.percent' is 0: {rest}", expected)
        if split.percent == 0 and split.min_per_taxon is not None:
            what = f"'{here}.min_per_taxon' says nothing of a split without a share"
            yield ("splits", place, "min_per_taxon"), (what, "a percent beside it, or no floor")
        if split.cap_per_taxon is not None and 0 < split.cap_per_taxon < (split.min_per_taxon or 0):
            what = f"'{here}.min_per_taxon' is {split.min_per_taxon:,}, above its cap_per_taxon"
            yield ("splits", place, "min_per_taxon"), (what, f"at most {split.cap_per_taxon:,}")
        if split.unseen is not None and place == 0:
            what = "the first split is the one to train on: nothing is unseen to it"
            yield ("splits", 0, "unseen"), (what, "unseen only of later splits")
        if split.unseen_percent is not None and split.unseen is None:
            yield (
                ("splits", place, "unseen_percent"),
                (f"'{here}.unseen_percent' says nothing without 'unseen'", "both, or none"),
            )
        if split.unseen_percent is not None and split.unseen_percent > split.percent:
            what = f"'{here}.unseen_percent' is {split.unseen_percent:g}, above its percent of {split.percent:g}"
            yield ("splits", place, "unseen_percent"), (what, "at most the split's percent")
        if split.min_per_taxon is not None and plain:
            what = f"'{here}.min_per_taxon' cannot be kept where splits are not stratified"
            yield ("splits", place, "min_per_taxon"), (what, "stratify without chronological, or no floor")
        for hint in split.hints or ():
            first = said.setdefault(hint.strip().lower(), place)
            if first != place:
                what = f"{show(hint)} is a hint of splits[{first}] and of {here}"
                yield ("splits", place, "hints"), (what, "each word in one split")


def _check_list(items: Sequence[str] | None, path: KeyPath, problems: Problems) -> None:
    if items is None or problems.within(path):
        return
    if not items:
        _note(problems, path, f"'{spell(path)}' is an empty list", "at least one item")
    for position, item in enumerate(items):
        if item in items[:position]:
            _note(problems, (*path, position), f"'{spell(path)}' holds {show(item)} twice", "each item once")


def _check_columns(
    columns: Sequence[str] | None,
    path: KeyPath,
    problems: Problems,
    words: tuple[str, ...] = (),
    single: bool = False,
) -> None:
    for position, column in enumerate(columns or ()):
        here: KeyPath = path if single else (*path, position)
        if column in RECORD_COLUMNS or column in words or problems.spoilt(here):
            continue
        near = closest(column, (*words, *RECORD_COLUMNS))
        expected = f"{', '.join(words)} or a column of the record" if words else "a column of the record"
        problems.add(here, f"'{spell(here)}' is {show(column)}", expected, f"write {near!r}" if near else "")


def _note(
    problems: Problems,
    path: KeyPath,
    what: str,
    expected: str,
    others: tuple[KeyPath, ...] = (),
    remedy: str = "",
) -> None:
    if not problems.spoilt(path, *others):
        problems.add(path, what, expected, remedy, others)
