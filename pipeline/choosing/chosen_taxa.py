"""The taxa that a choice names, found in the run's taxonomy; a name that is not one taxon of it is an error.

A synonym leads to its accepted taxon. No name is corrected and none falls to its genus: what is only near is told as
what may have been meant.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from manifests import Recipe, RecipeError
from pipeline.choosing.rules import TaxonRule, taxon_rules
from pipeline.storage.database import registered

if TYPE_CHECKING:
    import duckdb

    from taxonomy import Taxonomy

_OF_THE_NAME = ("EXACT", "CANONICAL")
_MOST = 5  # candidates that an error names


def find_taxa(recipe: Recipe, taxonomy: Taxonomy) -> dict[int, list[int]]:
    """Return the rows of the accepted taxa of every list of a recipe, by the list's number.

    Raises RecipeError for a name or id that is no taxon, or is several, with candidates; and for a taxon that the same
    table chooses and leaves out, under whatever names.
    """
    rules = taxon_rules(recipe)
    found = {rule.number: _rows(rule, taxonomy) for rule in rules}
    for rule in rules:
        table = rule.key.rpartition(".")[0]
        others = [other for other in rules if rule.exclude and other.key == f"{table}.taxa"]
        for other in others:
            _check_apart(rule, other, found, taxonomy)
    return found


def _rows(rule: TaxonRule, taxonomy: Taxonomy) -> list[int]:
    from taxonomy import resolve

    resolved = resolve(taxonomy, pa.table({"scientific_name": pa.array(rule.taxa, pa.string())})).to_pylist()
    return [_row(rule, taxon, row, taxonomy) for taxon, row in zip(rule.taxa, resolved, strict=True)]


def _row(rule: TaxonRule, taxon: str, resolved: dict[str, Any], taxonomy: Taxonomy) -> int:
    place = taxonomy.row(taxon)
    if place >= 0 and int(taxonomy.accepted[place]) >= 0:
        return int(taxonomy.accepted[place])
    if resolved["accepted_id"] is not None and resolved["match_type"] in _OF_THE_NAME:
        return taxonomy.row(resolved["accepted_id"])
    named = _named(resolved["canonical_name"] or taxon, taxonomy)
    if len(named) > 1:
        shown = ", ".join(_described(row, taxonomy) for row in named[:_MOST])
        what, remedy = f"'{taxon}' of {rule.key} is the name of several taxa", f"write the id of one: {shown}"
    else:
        near = list(dict.fromkeys(named + list(_near(taxon, resolved, taxonomy))))
        shown = ", ".join(_described(row, taxonomy) for row in near[:_MOST])
        what = f"'{taxon}' of {rule.key} is no taxon of the run's taxonomy"
        remedy = (
            f"perhaps {shown} is meant" if near else "biomill taxonomy resolve tells what a taxonomy makes of names"
        )
    raise RecipeError(what, f"key {rule.key}", "an accepted name, a synonym or an id of the taxonomy", remedy)


def _named(name: str, taxonomy: Taxonomy) -> list[int]:
    """Return the usages of exactly that name."""
    _, rows = taxonomy.find(np.array([name], dtype=object))
    return [int(row) for row in rows]


def _near(taxon: str, resolved: dict[str, Any], taxonomy: Taxonomy) -> Iterator[int]:
    for column in ("usage_id", "runner_up_id"):
        if resolved[column] is not None and resolved["match_type"] not in ("GENUS", "HIGHER_RANK"):
            yield taxonomy.row(resolved[column])
    words = taxon.lower().split(" ")
    for place, word in enumerate(words[:2]):
        for other, _ in sorted(taxonomy.near([word]).get(word, [])):
            yield from _named(" ".join([*words[:place], other, *words[place + 1 :]]).capitalize(), taxonomy)


def _described(row: int, taxonomy: Taxonomy) -> str:
    usage = taxonomy.usage(taxonomy.names["usage_id"][row].as_py())
    above = " in ".join(name for rank, name in usage.classification[:1] if name != usage.name)
    words = [usage.name, usage.authorship, f"({', '.join(word for word in (usage.rank, above) if word)})"]
    return f"{usage.usage_id} {' '.join(word for word in words if word)}"


def _check_apart(rule: TaxonRule, other: TaxonRule, found: dict[int, list[int]], taxonomy: Taxonomy) -> None:
    for left_out, row in zip(rule.taxa, found[rule.number], strict=True):
        for taxon, wanted in zip(other.taxa, found[other.number], strict=True):
            if taxonomy.first[row] <= taxonomy.first[wanted] <= taxonomy.last[row]:
                raise RecipeError(
                    f"{other.key} names '{taxon}', of which {rule.key} leaves out everything by '{left_out}'",
                    f"key {rule.key}",
                    "taxa that are left out below those that are chosen",
                    "take one of the two out of its list",
                )


def below(rows: Sequence[int], taxonomy: Taxonomy) -> pa.Array:
    """Return the ids of some taxa and of all that they hold, at any depth and rank."""
    inside = np.zeros(len(taxonomy), dtype=np.bool_)
    for row in rows:
        inside |= (taxonomy.first >= taxonomy.first[row]) & (taxonomy.first <= taxonomy.last[row])
    return taxonomy.names["usage_id"].take(pa.array(np.flatnonzero(inside))).combine_chunks()


def note_taxa(
    con: duckdb.DuckDBPyConnection, found: dict[int, list[int]], names: str, taxonomy: Taxonomy
) -> list[tuple[int, str]]:
    """Make the table `chosen_taxa` (accepted_id, inside): the lists that each taxon of `names` is in or below.

    Returns (number, accepted id) of what the lists name. Memory: the ids of the largest list's taxa.
    """
    con.execute("CREATE OR REPLACE TEMP TABLE taxa_inside (id VARCHAR, number INTEGER)")
    for number, rows in found.items():
        with registered(con, "taxa_below", pa.table({"id": below(rows, taxonomy)})):
            con.execute(
                f"INSERT INTO taxa_inside SELECT id, {number} FROM taxa_below "
                f"SEMI JOIN (SELECT DISTINCT accepted_id FROM {names}) n ON n.accepted_id = taxa_below.id"
            )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE chosen_taxa AS "
        "SELECT id AS accepted_id, list(DISTINCT number) AS inside FROM taxa_inside GROUP BY 1"
    )
    ids = taxonomy.names["usage_id"]
    return [(number, ids[row].as_py()) for number, rows in found.items() for row in rows]
