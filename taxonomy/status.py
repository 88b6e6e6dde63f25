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
    "accepted": "accepted", "valid": "accepted", "accepted name": "accepted", "current": "accepted",
    "provisionally accepted": "provisional", "provisionally accepted name": "provisional", "provisional": "provisional",
    "doubtful": "doubtful", "uncertain": "doubtful", "unassessed": "doubtful", "unchecked": "doubtful",
    "synonym": "synonym", "homotypic synonym": "synonym", "heterotypic synonym": "synonym", "invalid": "synonym",
    "not accepted": "synonym", "unaccepted": "synonym", "objective synonym": "synonym", "subjective synonym": "synonym",
    "junior synonym": "synonym", "senior synonym": "synonym", "equivalent": "synonym",
    "alternate representation": "synonym",
    "basionym": "synonym", "homonym": "synonym", "illegitimate": "synonym",
    "ambiguous synonym": "ambiguous synonym", "proparte synonym": "ambiguous synonym",
    "pro parte synonym": "ambiguous synonym", "misapplied": "misapplied", "misapplied name": "misapplied",
}  # fmt: skip


@lru_cache(maxsize=4_096)
def normalise_status(verbatim: str) -> str | None:
    """Give the status that a verbatim taxonomicStatus means, or None when it says nothing.

    >>> normalise_status("HETEROTYPIC_SYNONYM"), normalise_status("valid"), normalise_status("")
    ('synonym', 'accepted', None)
    """
    return _WORDS.get(" ".join(verbatim[:64].casefold().replace("_", " ").split()))
