"""Ranks: one vocabulary, its order, and the repair of ranks as people write them.

The vocabulary is that of the GBIF rank list (Darwin Core taxonRank) in lower case. A level is a number that grows from
the root to the leaves; the seven ranks that a label needs stand at multiples of ten.
"""

from __future__ import annotations

from functools import lru_cache

from taxonomy.errors import TaxonomyError
from taxonomy.names.rank_words import plain_rank, read_rank

SEVEN = ("kingdom", "phylum", "class", "order", "family", "genus", "species")
"""The ranks of a label, from the root down."""

_ORDERED = (
    ("domain", 4), ("realm", 5), ("subrealm", 6), ("superkingdom", 8),
    ("kingdom", 10), ("subkingdom", 12), ("infrakingdom", 14), ("superphylum", 18),
    ("phylum", 20), ("subphylum", 22), ("infraphylum", 24), ("parvphylum", 25), ("megaclass", 26), ("superclass", 28),
    ("class", 30), ("subclass", 32), ("infraclass", 34), ("parvclass", 35), ("subterclass", 36),
    ("cohort", 36), ("subcohort", 36), ("magnorder", 37), ("superorder", 38), ("grandorder", 39),
    ("order", 40), ("suborder", 42), ("infraorder", 44), ("parvorder", 46), ("superfamily", 48), ("epifamily", 49),
    ("family", 50), ("subfamily", 52), ("infrafamily", 53), ("supertribe", 54), ("tribe", 56), ("subtribe", 58),
    ("infratribe", 59), ("genus", 60), ("subgenus", 62), ("infragenus", 63), ("supersection", 63), ("section", 64),
    ("subsection", 65), ("superseries", 65), ("series", 66), ("subseries", 67),
    ("species aggregate", 68),
    ("species", 70), ("subspecies", 72), ("infraspecific", 73), ("variety", 74), ("subvariety", 76),
    ("form", 78), ("subform", 79), ("cultivar", 80), ("strain", 82),
)  # fmt: skip
_LEVELS: dict[str, int] = {**dict(_ORDERED), "unranked": 0}


def rank_level(rank: str) -> int:
    """Return the level of a rank of the vocabulary: smaller is nearer to the root, 0 is unranked.

    Raises TaxonomyError for a word outside the vocabulary; use `normalise_rank` first on foreign text.

    >>> rank_level("kingdom") < rank_level("genus") < rank_level("species") < rank_level("variety")
    True
    """
    level = _LEVELS.get(rank)
    if level is None:
        raise TaxonomyError(
            f"no such rank: {rank!r}", expected="one of " + ", ".join(_LEVELS), remedy="call normalise_rank first"
        )
    return level


@lru_cache(maxsize=65_536)
def normalise_rank(verbatim: str) -> str | None:
    """Return the rank of the vocabulary that a verbatim taxonRank means, or None when it means none.

    >>> normalise_rank("SSP."), normalise_rank("Familia"), normalise_rank("SPECIES_AGGREGATE")
    ('subspecies', 'family', 'species aggregate')
    >>> [normalise_rank(word) for word in ("Unterfamilie", "sous-espèce", "nothosubsp.", "属")]
    ['subfamily', 'subspecies', 'subspecies', 'genus']
    >>> normalise_rank("banana") is None
    True
    """
    word = plain_rank(verbatim)
    return word if word in _LEVELS else read_rank(word)


def compatible(one: str, other: str) -> bool:
    """Return whether two ranks may belong to the same taxon in two taxonomies.

    All ranks below species count as one, because taxonomies differ in them; an unranked taxon fits every rank above
    species.

    >>> compatible("subspecies", "variety"), compatible("order", "suborder"), compatible("unranked", "order")
    (True, False, True)
    """
    return rank_group(one) == rank_group(other) or (
        "unranked" in (one, other) and rank_level(one) < 70 and rank_level(other) < 70
    )


def rank_group(rank: str) -> int:
    """Return the level, with all ranks below species brought to one number."""
    level = rank_level(rank)
    return 72 if level > 70 else level


def slot(rank: str) -> int:
    """Return the place of the rank in SEVEN, or -1.

    >>> slot("genus"), slot("subgenus")
    (5, -1)
    """
    return SEVEN.index(rank) if rank in SEVEN else -1
