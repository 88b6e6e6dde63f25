"""What a choice adds to the query of screen, and what that query then asks of its connection."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from manifests import Recipe
from pipeline.choosing.chosen_taxa import find_taxa, note_taxa
from pipeline.choosing.limits import create_order
from pipeline.choosing.rules import chooses, failed_sql, rules_of, scores_read, taxon_rules
from pipeline.model.outcomes import Outcome
from pipeline.scores.joined import joins_sql, make_tables

if TYPE_CHECKING:
    import duckdb

_CODE = Outcome.NOT_SELECTED.code


def query_parts(recipe: Recipe) -> dict[str, str]:
    """Return the parts that the query of screen takes in; all are empty where nothing is chosen.

    They stand behind the rules that no choice changes (twins, withdrawals, what is held out), before all others.
    """
    rules = rules_of(recipe)
    if not rules:
        return dict.fromkeys(("choice", "choice_of", "choice_proof", "choice_taxa"), "")
    return {
        "choice": f" {failed_sql(rules)} AS choice,",
        "choice_of": f" WHEN choice IS NOT NULL THEN '{_CODE}'",
        "choice_proof": f" WHEN outcome = '{_CODE}' THEN choice",
        "choice_taxa": (" LEFT JOIN chosen_taxa c ON c.accepted_id = n.accepted_id" if taxon_rules(recipe) else "")
        + joins_sql(recipe, scores_read(recipe, late=False)),
    }


def prepare(con: duckdb.DuckDBPyConnection, recipe: Recipe, names: str, index: Path) -> list[tuple[int, str]]:
    """Prepare a connection for what the query asks of a choice, and return (number, accepted id) of the listed taxa.

    `names`: FROM clause of the resolved names; `index`: the taxonomy, opened only where taxa are listed. Raises
    RecipeError for scores that cannot be joined, and for conditions that their columns do not bear.
    """
    make_tables(con, recipe)
    if not chooses(recipe):
        return []
    create_order(con, recipe.seed)
    if not taxon_rules(recipe):
        return []
    from taxonomy import Taxonomy

    taxonomy = Taxonomy.open(index)
    return note_taxa(con, find_taxa(recipe, taxonomy), names, taxonomy)
