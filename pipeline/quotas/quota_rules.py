"""The rules by which an image is not kept, as the ledger names them: outcome, key of the recipe, and evidence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from manifests import Recipe
from manifests.condition_columns import PLACE_COLUMNS
from pipeline.model.outcomes import Outcome
from pipeline.storage.database import quote
from pipeline.storage.statements import identifier


class QuotaRule(IntEnum):
    """What ended an image; the order is that in which the rules are tried."""

    SOURCE_CAP = 1
    THIN_TO = 2
    MIN_PER_TAXON = 3
    MIN_AVAILABLE = 4
    MOST_TAXA = 5
    CAP_PER_TAXON = 6
    TARGET = 7
    BUFFER = 8
    SPLIT_CAP = 9


@dataclass(frozen=True, slots=True)
class _Told:
    outcome: Outcome
    key: str
    had: str
    wanted: str


TOLD = {
    QuotaRule.SOURCE_CAP: _Told(Outcome.OVER_QUOTA, "sources.cap_per_taxon", "images", "cap"),
    QuotaRule.THIN_TO: _Told(Outcome.THINNED, "select.thin_to", "images", "thin_to"),
    QuotaRule.MIN_PER_TAXON: _Told(Outcome.TOO_RARE, "select.min_per_taxon", "images", "minimum"),
    QuotaRule.MIN_AVAILABLE: _Told(Outcome.TOO_RARE, "select.min_available", "images", "minimum"),
    QuotaRule.MOST_TAXA: _Told(Outcome.OVER_QUOTA, "select.most_taxa", "taxa", "most_taxa"),
    QuotaRule.CAP_PER_TAXON: _Told(Outcome.OVER_QUOTA, "cap_per_taxon", "images", "cap"),
    QuotaRule.TARGET: _Told(Outcome.OVER_QUOTA, "select.target", "images", "quota"),
    QuotaRule.BUFFER: _Told(Outcome.THINNED, "splitting.buffer_kilometres", "split", "kilometres"),
    QuotaRule.SPLIT_CAP: _Told(Outcome.OVER_QUOTA, "splits.cap_per_taxon", "images", "cap"),
}
"""What the evidence calls the rule, what there was and what is wanted; keys of JSON stand in the order of letters."""


def has_quotas(recipe: Recipe) -> bool:
    """Return whether a recipe has any rule of quotas beyond `cap_per_taxon` of accepted taxa.

    >>> from manifests import SelectRules
    >>> has_quotas(Recipe("r", ())), has_quotas(Recipe("r", (), select=SelectRules(min_per_taxon=5)))
    (False, True)
    """
    rules = recipe.select
    said = (
        *(rules.min_per_taxon, rules.min_available, rules.target, rules.most_taxa, rules.balance, rules.prefer),
        *(rules.diverse, rules.thin_to, *(source.cap_per_taxon for source in recipe.sources)),
    )
    counted = rules.quota_columns is not None or rules.quota_rank not in (None, "accepted")
    return counted or any(each is not None for each in said)


def outcome_sql(rule: str) -> str:
    """Return the SQL of the outcome of a rule's number."""
    cases = " ".join(f"WHEN {each.value} THEN {quote(told.outcome.code)}" for each, told in TOLD.items())
    return f"CASE {rule} {cases} END"


def evidence_sql(rule: str, had: str, wanted: str, taxon: str, split: str, columns: tuple[str, ...] = ()) -> str:
    """Return the SQL of the evidence: compact JSON with sorted keys, as `pipeline.model.evidence_text` writes it.

    `columns`: those of a record `r` whose values quotas tell apart; of those that lead to a place none is told.
    """
    cases = []
    values = {column: f"r.{identifier(column)}" for column in columns if column not in PLACE_COLUMNS}
    for each, told in TOLD.items():
        parts = {told.had: had, told.wanted: f"{wanted}::BIGINT", "rule": quote(told.key), "taxon": taxon}
        if each is QuotaRule.BUFFER:
            parts = {told.wanted: wanted, "rule": quote(told.key), "taxon": taxon}
        elif each is not QuotaRule.MOST_TAXA:
            parts |= values
        if each is QuotaRule.SPLIT_CAP:
            parts["split"] = split
        listed = ", ".join(f"{quote(key)}, {value}" for key, value in sorted(parts.items()))
        cases.append(f"WHEN {each.value} THEN json_object({listed})::VARCHAR")
    return f"CASE {rule} {' '.join(cases)} END"
