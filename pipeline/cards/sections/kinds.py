"""What an outcome is about: copies, leaks, names, rights, fetching, the source itself, or a choice of the recipe."""

from __future__ import annotations

from pipeline.model.outcomes import Outcome

WORDS = {
    "kept": "kept",
    "copies": "copies",
    "leak": "leaks",
    "names": "names",
    "rights": "rights and wishes",
    "fetch": "fetching and decoding",
    "choice": "choice of the recipe",
    "source": "the source itself",
}
"""Every kind in words, in the order in which parts of a bar stand."""
_COPIES = {"exact_duplicate", "near_duplicate", "same_medium", "duplicate_record", "merged_box"}
_NAMES = {
    *("name_unresolved", "name_ambiguous", "rank_too_high", "label_conflict", "media_label_conflict", "multi_label"),
    *("rejected_label", "non_organism"),
}
_RIGHTS = {
    *("licence_unknown", "licence_not_allowed", "withdrawn", "not_public", "human", "robots_disallowed"),
    *("host_not_allowed", "blocked"),
}
_CHOICE = {"not_selected", "quality", "over_quota", "not_needed", "low_information"}


def kind_of(outcome: str) -> str:
    """Return the kind of an outcome, a key of WORDS.

    >>> kind_of("kept"), kind_of("near_duplicate"), kind_of("leak_id"), kind_of("opted_out_tdm"), kind_of("gone")
    ('kept', 'copies', 'leak', 'rights', 'fetch')
    """
    if outcome == Outcome.KEPT.code:
        return "kept"
    for kind, outcomes in (("copies", _COPIES), ("names", _NAMES), ("rights", _RIGHTS), ("choice", _CHOICE)):
        if outcome in outcomes:
            return kind
    if outcome.startswith("leak_"):
        return "leak"
    if outcome.startswith("opted_out"):
        return "rights"
    known = {each.code: each.info.stage for each in Outcome}
    return "fetch" if known.get(outcome) == "fetch" or outcome == "bad_url" else "source"
