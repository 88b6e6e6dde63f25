"""Taxonomic status: what a usage says about its name, in six words."""

from __future__ import annotations

from functools import lru_cache

ACCEPTED = ("accepted", "provisional", "doubtful")
"""Statuses of a usage that is a taxon of its own."""
SYNONYMS = ("synonym", "ambiguous synonym", "misapplied")
"""Statuses of a usage that points to an accepted one."""
STATUSES = (*ACCEPTED, *SYNONYMS)
"""All statuses; an index stores the place in this list."""

_WORDS = {
    "accepted": "accepted",
    "valid": "accepted",
    "accepted name": "accepted",
    "current": "accepted",
    "provisionally accepted": "provisional",
    "provisionally accepted name": "provisional",
    "provisional": "provisional",
    "doubtful": "doubtful",
    "uncertain": "doubtful",
    "unassessed": "doubtful",
    "unchecked": "doubtful",
    "synonym": "synonym",
    "homotypic synonym": "synonym",
    "heterotypic synonym": "synonym",
    "invalid": "synonym",
    "not accepted": "synonym",
    "unaccepted": "synonym",
    "objective synonym": "synonym",
    "subjective synonym": "synonym",
    "junior synonym": "synonym",
    "senior synonym": "synonym",
    "equivalent": "synonym",
    "alternate representation": "synonym",
    "basionym": "synonym",
    "homonym": "synonym",
    "illegitimate": "synonym",
    "ambiguous synonym": "ambiguous synonym",
    "proparte synonym": "ambiguous synonym",
    "pro parte synonym": "ambiguous synonym",
    "misapplied": "misapplied",
    "misapplied name": "misapplied",
    "misidentification": "misapplied",
    "misnomer": "misapplied",
    "bare name": "doubtful",
    "spelling variant": "synonym",
    "misspelling": "synonym",
    "includes": "synonym",
    "equivalent name": "synonym",
    "genbank synonym": "synonym",
    "anamorph": "synonym",
    "genbank anamorph": "synonym",
    "teleomorph": "synonym",
    "acronym": "synonym",
    "genbank acronym": "synonym",
    "in-part": "ambiguous synonym",
    "alternative representation": "synonym",
    "superseded combination": "synonym",
    "superseded rank": "synonym",
    "junior subjective synonym": "synonym",
    "junior objective synonym": "synonym",
    "junior homonym": "synonym",
    "unjustified emendation": "synonym",
    "unavailable name": "synonym",
    "original name": "synonym",
    "combination": "synonym",
    "isonym": "synonym",
    "orthographic variant": "synonym",
    "nomen dubium": "doubtful",
    "nomen nudum": "doubtful",
    "taxon inquirendum": "doubtful",
    "temporary name": "doubtful",
    "interim unpublished": "doubtful",
    "unresolved": "doubtful",
}
_BEGINNINGS = (("misspelling", "synonym"), ("incorrect ", "synonym"), ("junior ", "synonym"), ("synonym", "synonym"))
"""Statuses that go on with their reason, such as 'misspelling - incorrect subsequent spelling'."""  # fmt: skip


@lru_cache(maxsize=4_096)
def normalise_status(verbatim: str) -> str | None:
    """Return the status that a verbatim taxonomicStatus means, or None when it says nothing.

    >>> normalise_status("HETEROTYPIC_SYNONYM"), normalise_status("valid"), normalise_status("")
    ('synonym', 'accepted', None)
    """
    words = " ".join(verbatim[:64].casefold().replace("_", " ").split())
    return _WORDS.get(words) or next((status for start, status in _BEGINNINGS if words.startswith(start)), None)
