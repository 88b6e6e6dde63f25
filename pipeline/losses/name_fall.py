"""What a name fell to when the taxonomy does not hold it, as one sentence: for evidence, for `explain`, for a person.

A species that is not in the taxonomy is matched by its genus, and where that is missing too by the family or whatever
else the record states; both look like an answer, and neither says that the species was missing. The issues of
`taxonomy.match.ladder` do, and here they are put into words, in SQL, so that every row of a run says it alike.
"""

from __future__ import annotations

from collections.abc import Sequence

from manifests.paths import as_given
from pipeline.storage.database import quote
from pipeline.storage.statements import Statements

_SQL = Statements(__name__)
_MISSING = "list_contains({n}.issues, 'name_not_in_taxonomy')"
_GENUS_MISSING = "list_contains({n}.issues, 'genus_not_in_taxonomy')"
_REJECTED = ("vetoed_by_hints", "low_confidence")
"""Issues of names whose taxa were found, and were not good enough."""


def taxonomy_title(sources: Sequence[str]) -> str:
    """Return the taxonomies of a recipe as a sentence names them: as the recipe writes them.

    >>> taxonomy_title(["default"]), taxonomy_title(["col.zip", "ncbi"])
    ("the taxonomy 'default'", "the taxonomies 'col.zip', 'ncbi'")
    """
    named = ", ".join(f"'{as_given(source)}'" for source in sources)
    return f"the taxonomy {named}" if len(sources) == 1 else f"the taxonomies {named}"


def missing_sql(names: str) -> str:
    """Return the SQL expression of what the taxonomy does not hold: 'name', 'genus', 'name, genus', or NULL.

    `names`: alias of rows of RESOLVED_SCHEMA.

    >>> missing_sql("n").startswith("nullif(concat_ws(")
    True
    """
    name, genus = _MISSING.format(n=names), _GENUS_MISSING.format(n=names)
    return f"nullif(concat_ws(', ', CASE WHEN {name} THEN 'name' END, CASE WHEN {genus} THEN 'genus' END), '')"


def fall_sql(names: str, sources: Sequence[str]) -> str:
    """Return the SQL expression of the sentence that says what a name fell to and why; NULL where it did not fall.

    `names`: alias of rows of RESOLVED_SCHEMA; `sources`: the taxonomies of the recipe.

    >>> import duckdb
    >>> row = ("'Puma mystica' AS scientific_name, 'Puma mystica' AS canonical_name, ['name_not_in_taxonomy'] AS issues"
    ...        ", 'GENUS' AS match_type, 'x' AS accepted_id, 'Puma' AS accepted_name, 'genus' AS accepted_rank")
    >>> duckdb.sql(f"SELECT {fall_sql('n', ['default'])} FROM (SELECT {row}) n").fetchall()[0][0]
    "the species 'Puma mystica' is not in the taxonomy 'default': it fell to the genus Puma"
    """
    n, within = names, quote(f" in {taxonomy_title(sources)}")
    asked = f"'''' || coalesce({n}.canonical_name, {n}.scientific_name) || ''''"
    # One blank in a canonical name is a genus and its epithet; the multiplication sign of a hybrid is no word of it.
    words = f"len(string_split(trim(replace(coalesce({n}.canonical_name, ''), '×', '')), ' '))"
    kind = f"CASE {words} WHEN 2 THEN 'the species ' ELSE 'the name ' END"
    taxon = f"'the ' || lower(coalesce({n}.accepted_rank, 'taxon')) || ' ' || {n}.accepted_name"
    fell = f"': it fell to ' || {taxon}"
    missing, genus = _MISSING.format(n=n), _GENUS_MISSING.format(n=n)
    why = " ".join(
        f"WHEN list_contains({n}.issues, {quote(issue)}) THEN {quote(issue.replace('_', ' '))}" for issue in _REJECTED
    )
    ending = _SQL("ending", n=n, fell=fell)
    return _SQL(
        "fall",
        n=n,
        missing=missing,
        genus=genus,
        kind=kind,
        asked=asked,
        within=within,
        ending=ending,
        fell=fell,
        why=why,
    )
