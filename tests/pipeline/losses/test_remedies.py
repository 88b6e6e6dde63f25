"""Every outcome has a remedy, which names keys that exist and says what they are now."""

from __future__ import annotations

import re

import duckdb
import pytest

from manifests import FetchRules, LicencePolicy, Recipe, SourceSpec, TaxonomyRules
from manifests.places import KeyPath
from manifests.schema import key_at
from pipeline.losses.advice import advice
from pipeline.losses.remedies import REMEDIES
from pipeline.model.outcomes import Outcome

RECIPE = Recipe("r", (SourceSpec("a", "lila", "a.csv"),), taxonomy=TaxonomyRules(sources=("col.zip",)))
ENDED = [outcome for outcome in Outcome if outcome is not Outcome.KEPT]


def test_every_outcome_but_kept_has_a_remedy() -> None:
    assert set(REMEDIES) == set(ENDED)


@pytest.mark.parametrize("outcome", ENDED, ids=lambda outcome: outcome.code)
def test_a_remedy_names_keys_that_a_recipe_has_or_says_that_none_changes_it(outcome: Outcome) -> None:
    remedy = REMEDIES[outcome]
    for key in remedy.keys:
        path: KeyPath = tuple(key.split("."))
        assert key_at(path) is not None, key
    if not remedy.keys:
        assert re.search("nothing can be done|nothing is lost|no key of the recipe|only the provider", remedy.advice)


@pytest.mark.parametrize("outcome", ENDED, ids=lambda outcome: outcome.code)
def test_advice_is_one_whole_sentence_with_the_recipes_own_values(outcome: Outcome) -> None:
    told = advice(outcome, RECIPE, "a", "CC-BY-ND-4.0")
    assert told and "{" not in told and "\n" not in told


@pytest.mark.parametrize("outcome", ENDED, ids=lambda outcome: outcome.code)
def test_a_facet_is_a_question_that_any_evidence_answers(outcome: Outcome) -> None:
    for evidence in ("NULL", "'{}'", """'{"value": "x", "rule": "y", "address": "https://a.org/b", "detail": "z"}'"""):
        query = f"SELECT {REMEDIES[outcome].facet} FROM (SELECT {evidence} AS evidence, 'b/1' AS other_id) l"
        assert len(duckdb.execute(query).fetchall()) == 1


def test_advice_carries_what_is_set_now() -> None:
    recipe = Recipe(
        "r",
        RECIPE.sources,
        licences=LicencePolicy(allow=("CC0",)),
        fetch=FetchRules(hosts=("a.org", "*.b.org"), max_bytes=777),
    )
    assert advice(Outcome.LICENCE_NOT_ALLOWED, recipe, "a", "CC-BY-NC-ND-4.0").endswith('lists CC0: add "CC-BY-NC-ND"')
    assert "lists a.org, *.b.org: add" in advice(Outcome.HOST_NOT_ALLOWED, recipe, "a", "c.org")
    assert "777" in advice(Outcome.TOO_LARGE, recipe, "a", "a.org")
    assert "of source a (now not given)" in advice(Outcome.LICENCE_UNKNOWN, recipe, "a", "")


def test_the_default_taxonomy_is_named_as_the_cause_where_it_lacks_the_names() -> None:
    plain = Recipe("r", RECIPE.sources)
    for outcome in (Outcome.RANK_TOO_HIGH, Outcome.NAME_UNRESOLVED):
        told = advice(outcome, plain, "a", "x", not_in_taxonomy=True)
        assert 'taxonomy.sources is ["default"]' in told and "published" in told
        assert "lists col.zip" in advice(outcome, RECIPE, "a", "x", not_in_taxonomy=True)
    assert "minimum_rank" in advice(Outcome.RANK_TOO_HIGH, plain, "a", "x", not_in_taxonomy=False)
