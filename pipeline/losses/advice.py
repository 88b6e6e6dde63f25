"""What to do about an outcome, in one sentence with the recipe's present values (see `pipeline.losses.remedies`)."""

from __future__ import annotations

import json

from manifests import Recipe
from manifests.paths import as_given
from pipeline.losses.remedies import REMEDIES
from pipeline.model.licences import normalise_licence
from pipeline.model.outcomes import Outcome

DEFAULT_TAXONOMY = 'taxonomy.sources is ["default"], some hundred species for the demo and for tests'


def advice(outcome: Outcome, recipe: Recipe, source: str, value: str, not_in_taxonomy: bool = False) -> str:
    """Return what to do about an outcome of a source, with the recipe's present values and the evidence's commonest.

    `value`: as the remedy's facet gives it; `not_in_taxonomy`: the taxonomy does not hold most of the names.

    >>> from manifests import LicencePolicy
    >>> recipe = Recipe("r", (), licences=LicencePolicy(allow=("CC0", "CC-BY")))
    >>> advice(Outcome.LICENCE_NOT_ALLOWED, recipe, "ena24", "CDLA-Permissive-1.0")
    'licences.allow lists CC0, CC-BY: add "CDLA-Permissive"'
    """
    remedy = REMEDIES[outcome]
    if outcome in (Outcome.NAME_UNRESOLVED, Outcome.RANK_TOO_HIGH) and (
        not_in_taxonomy or outcome is Outcome.NAME_UNRESOLVED
    ):
        if recipe.taxonomy.sources == ("default",):
            return f"{DEFAULT_TAXONOMY}: list published ones there, such as the GBIF backbone (docs/taxonomy.md)"
        remedy = REMEDIES[Outcome.NAME_UNRESOLVED]
    words = {key.rpartition(".")[2]: _now(recipe, key, source) for key in remedy.keys}
    words |= {"source": source, "value": value, "outcome": outcome.code, "family": _family(value)}
    return remedy.advice.format_map(words)


def _now(recipe: Recipe, key: str, source: str) -> str:
    """Return a key's present value in words; of [[sources]] that of the named one."""
    table, _, name = key.partition(".")
    if table in ("sources", "benchmarks"):
        held = [each for each in getattr(recipe, table) if each.name == source]
        value = getattr(held[0], name) if held else ""
    else:
        holder = getattr(recipe, table) if name else recipe
        value = getattr(holder, name or table) if holder is not None else None
    if value is None:
        return "not given"
    if isinstance(value, tuple):
        return ", ".join(as_given(each) for each in value) or "nothing"
    return as_given(value) or "not given" if isinstance(value, str) else json.dumps(value)


def _family(value: str) -> str:
    """Return the family of a licence as `licences.allow` writes it."""
    return normalise_licence(value).family
