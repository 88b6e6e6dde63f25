"""The rules of a choice as SQL: which fail a record, in a fixed order, and what its evidence says.

Rules of the record's source are tried before those of all sources, and those of one table in the order of `ORDER`; the
first that fails gives the key and the value. A limit is no such rule, as it needs the others' result (`limits`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from manifests import Recipe
from manifests.choice_checks import TERMS, year_range
from manifests.condition import Condition, alias_of, read_condition
from manifests.condition_columns import PLACE_COLUMNS
from manifests.sections.choice import CHOICE_KEYS, Choice
from manifests.sections.shipped_rules import SHIPPED_RULES
from pipeline.storage.database import quote
from pipeline.storage.statements import Statements, identifier

ORDER = (
    *("taxa", "exclude_taxa", "ranks", "bbox", "countries", "years", "life_stages", "sexes", "basis", "categories"),
    *("where", "rules", "sample"),
)
"""The order in which the keys of one table are tried; `limit` comes behind everything else."""
_SQL = Statements(__name__)
_CELL = 60  # characters of a column's value in the evidence of a condition
_SHOWN = 200  # characters of a value, and of a condition


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a choice."""

    key: str
    """The key of the recipe: 'select.years', or 'sources.NAME.years' of one source."""
    source: str
    """The source that it holds for; '': all."""
    name: str
    fails: str
    """SQL condition over `r`, `n` and `c`, never NULL."""
    value: str
    """SQL text of what the record has; NULL where it states nothing."""
    condition: str = ""
    """The condition as the recipe or the shipped rule writes it."""
    shipped: str = ""
    """The name of the shipped rule that it is."""


@dataclass(frozen=True, slots=True)
class TaxonRule:
    """A list of taxa, under the number that `c.inside` names it by."""

    number: int
    key: str
    taxa: tuple[str, ...]
    exclude: bool


def tables_of(recipe: Recipe) -> Iterator[tuple[str, str, Choice]]:
    """Yield (key of the table, source or '', choice) of every table of a recipe that may choose, sources first."""
    for source in recipe.sources:
        yield f"sources.{source.name}", source.name, source
    yield "select", "", recipe.select


def chooses(recipe: Recipe) -> bool:
    """Return whether the recipe has any key of a choice that holds before fetch.

    >>> chooses(Recipe("r", ()))
    False
    """
    return bool(choice_parts(recipe))


def condition_of(recipe: Recipe, text: str) -> Condition:
    """Return a condition of a recipe, which was checked when the recipe was read."""
    return read_condition(text, tuple((spec.name, None) for spec in recipe.scores or ()))


def choice_parts(recipe: Recipe) -> dict[str, object]:
    """Return what the recipe says of its choice before fetch, for a digest; {} where it says nothing."""
    said = {
        f"{key}.{name}": value
        for key, _, choice in tables_of(recipe)
        for name in CHOICE_KEYS
        if (value := _early(recipe, name, getattr(choice, name))) is not None
    }
    seeded = any(name.endswith((".limit", ".sample")) for name in said)
    return {"choice": said, **({"choice.seed": recipe.seed} if seeded else {})} if said else {}


def _early(recipe: Recipe, name: str, value: object) -> object:
    """Return what a key says that holds before fetch; None where it says nothing of that."""
    if value is None or name not in ("where", "rules"):
        return value
    if name == "rules":
        assert isinstance(value, tuple)
        shipped = [(rule, condition_of(recipe, SHIPPED_RULES[rule].condition).early) for rule in value]
        return tuple((rule, early.sql) for rule, early in shipped if early is not None) or None
    found = condition_of(recipe, str(value))
    return value if found.late is None else found.early and found.early.sql


def _texts_of(choice: Choice) -> Iterator[tuple[str, str, str]]:
    """Yield (key, name of the shipped rule or '', condition) of all conditions of a table, as they are tried."""
    for rule in choice.rules or ():
        yield "rules", rule, SHIPPED_RULES[rule].condition
    if choice.where is not None:
        yield "where", "", choice.where


def _asked(recipe: Recipe, late: bool) -> list[Rule]:
    """Return the parts of conditions that are asked before fetch, or after it, in the order in which they are tried."""
    rules = []
    for key, source, choice in tables_of(recipe):
        for name, shipped, text in _texts_of(choice):
            found = condition_of(recipe, text)
            part = found.late if late else found.early
            if part is not None:
                fails = _SQL("where", condition=part.sql)
                rules.append(Rule(f"{key}.{name}", source, name, fails, _cells(part), text, shipped))
    return rules


def late_rules(recipe: Recipe) -> list[Rule]:
    """Return the parts of conditions that read pictures, in the order in which they are tried."""
    return _asked(recipe, late=True)


def shipped_rules(recipe: Recipe) -> list[Rule]:
    """Return the parts of shipped rules that are asked before fetch, in the order in which they are tried."""
    return [rule for rule in _asked(recipe, late=False) if rule.shipped]


def late_parts(recipe: Recipe) -> dict[str, object]:
    """Return what the recipe says of pictures, for a digest; {} where it says nothing."""
    said = [(rule.key, rule.fails) for rule in late_rules(recipe)]
    return {"quality": said} if said else {}


def bursts_read(recipe: Recipe) -> bool:
    """Return whether a condition of a recipe reads the bursts that pictures are of."""
    texts = [text for _, _, choice in tables_of(recipe) for _, _, text in _texts_of(choice)]
    return any(table == "burst" for text in texts for table, _ in condition_of(recipe, text).columns)


def scores_read(recipe: Recipe, late: bool) -> set[str]:
    """Return the scores that the conditions of a recipe read, before fetch or of pictures."""
    names = {spec.name for spec in recipe.scores or ()}
    found: set[str] = set()
    for _, _, choice in tables_of(recipe):
        for _, _, text in _texts_of(choice):
            condition = condition_of(recipe, text)
            part = condition.late if late else condition.early
            found |= {table for table, _ in part.columns} if part else set()
    return found & names


def taxon_rules(recipe: Recipe) -> list[TaxonRule]:
    """Return the lists of taxa of a recipe, in the order in which they are tried."""
    listed = [
        (f"{key}.{name}", taxa, name == "exclude_taxa")
        for key, _, choice in tables_of(recipe)
        for name in ("taxa", "exclude_taxa")
        if (taxa := getattr(choice, name)) is not None
    ]
    return [TaxonRule(number, *each) for number, each in enumerate(listed)]


def rules_of(recipe: Recipe) -> list[Rule]:
    """Return the rules of a recipe in the order in which they are tried."""
    numbers = {rule.key: rule.number for rule in taxon_rules(recipe)}
    shipped = shipped_rules(recipe)
    return [
        rule
        for key, source, choice in tables_of(recipe)
        for name in ORDER
        if (value := getattr(choice, name)) is not None and not (name == "sample" and value == 1)
        if name != "where" or condition_of(recipe, str(value)).early is not None
        for rule in (
            [each for each in shipped if each.key == f"{key}.{name}"]
            if name == "rules"
            else [_rule(f"{key}.{name}", source, name, value, numbers, recipe)]
        )
    ]


def _rule(key: str, source: str, name: str, given: object, numbers: dict[str, int], recipe: Recipe) -> Rule:
    condition = ""
    match name:
        case "taxa":
            fails, value = _SQL("taxa", number=numbers[key]), "n.accepted_name"
        case "exclude_taxa":
            fails, value = _SQL("exclude_taxa", number=numbers[key]), "n.accepted_name"
        case "ranks":
            fails, value = _SQL("ranks", items=_texts(given)), "coalesce(n.accepted_rank, 'unranked')"
        case "bbox":
            fails, value = _box(given)
        case "years":
            fails, value = _SQL("years", ranges=_years(_texts(given))), "r.event_date"
        case "countries" | "life_stages" | "sexes":
            column = {"countries": "country_code", "life_stages": "life_stage", "sexes": "sex"}[name]
            terms = tuple(sorted({TERMS[name].find(word) for word in _texts(given)}))
            fails, value = _SQL("among", column=column, items=terms), f"r.{column}"
        case "categories":
            fails, value = _SQL("among", column="image_category", items=_texts(given)), "r.image_category"
        case "basis":
            fails, value = _SQL("basis", items=[item.replace("_", "") for item in _texts(given)]), "r.basis_of_record"
        case "where":
            condition = str(given)
            early = condition_of(recipe, condition).early
            assert early is not None, "rules_of leaves out what only reads pictures"
            fails, value = _SQL("where", condition=early.sql), _cells(early)
        case _:
            assert isinstance(given, float)
            fails, value = _SQL("sample", threshold=f"{int(given * 2**64):016x}"), "'beyond the share'"
    return Rule(key, source, name, fails, value, condition)


def _texts(given: object) -> tuple[str, ...]:
    assert isinstance(given, tuple)
    return given


def _box(given: object) -> tuple[str, str]:
    assert isinstance(given, tuple)
    west, south, east, north = (float(each) for each in given)
    joined = "AND" if west <= east else "OR"
    longitudes = f"r.lon >= {west!r} {joined} r.lon <= {east!r}"
    fails = _SQL("bbox", south=south, north=north, west=west, east=east, longitudes=longitudes)
    return fails, _SQL("bbox_value", south=south, north=north)


def merged(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return ranges of whole numbers, in order, with those that touch made one.

    >>> merged([(2003, 2005), (1990, 1991), (1992, 1992)])
    [(1990, 1992), (2003, 2005)]
    """
    joined: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = joined[-1][0], max(last, joined[-1][1])
        else:
            joined.append((first, last))
    return joined


def _years(items: tuple[str, ...]) -> str:
    begin, end = _SQL("first_year"), _SQL("last_year")
    return " OR ".join(
        _SQL("year_range", first_year=begin, last_year=end, first=first, last=last)
        for first, last in merged([year_range(item) for item in items])
    )


def _cells(condition: Condition) -> str:
    """Return the SQL of the columns that a condition reads, with their values; places are kept back."""
    cells = []
    for table, column in condition.columns:
        shown = column if table == "records" else f"{table}.{column}"
        if table == "records" and column in PLACE_COLUMNS:
            cells.append(quote(f"{shown} (not shown)"))
        else:
            cell = f"{identifier(alias_of(table))}.{identifier(column)}::VARCHAR"
            cells.append(f"{quote(shown + ' = ')} || coalesce(left({cell}, {_CELL}), 'NULL')")
    return f"concat_ws(', ', {', '.join(cells)})"


def failed_sql(rules: list[Rule], said: str = "choice") -> str:
    """Return the SQL of the evidence of the first rule that a record fails; NULL where it fails none.

    `said`: what the evidence calls a rule that is no shipped one.
    """
    cases = []
    for rule in rules:
        of_source = f"r.source = {quote(rule.source)} AND " if rule.source else ""
        parts = (
            f"'rule', {quote(rule.shipped or said)}, 'key', {quote(rule.key)}, 'value', left({rule.value}, {_SHOWN})"
        )
        if rule.condition:
            parts += f", 'condition', {quote(rule.condition if rule.shipped else rule.condition[:_SHOWN])}"
        cases.append(f"WHEN {of_source}({rule.fails}) THEN json_object({parts})::VARCHAR")
    return f"CASE {' '.join(cases)} END" if cases else "NULL::VARCHAR"
